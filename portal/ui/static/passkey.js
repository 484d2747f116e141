/* Asks the browser for a passkey, and sends the form with what it answered. A form says data-passkey="get" or "create",
   and either data-ask (where to fetch the options) or data-options (the options, good for data-seconds).
   Text only, so Trusted Types have nothing to allow. */
"use strict";
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const answer = form.querySelector("[data-passkey-answer]");
  const said = form.querySelector("[data-passkey-alert]");
  const loaded = performance.now();
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const read = (options) => {
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    for (const key of [...(options.allowCredentials || []), ...(options.excludeCredentials || [])]) key.id = bytes(key.id);
    return options;
  };

  const ask = async () => {
    if (form.dataset.options) return JSON.parse(form.dataset.options);
    const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value });
    const found = await fetch(form.dataset.ask, { method: "POST", body });
    if (!found.ok) throw new Error("The page is out of date. Reload it, and try again.");
    return found.json();
  };

  const told = (key) => {
    const response = {};
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (key.response[part]) response[part] = text(key.response[part]);
    }
    return JSON.stringify({ id: key.id, rawId: text(key.rawId), type: key.type, response });
  };

  const words = (error) => {
    if (error.name === "InvalidStateError") return "This key is in your account already. Use another one.";
    if (error.name === "NotAllowedError")
      return "No key answered: it was cancelled, took too long, or did not verify you. Try again.";
    return error.name === "Error" ? error.message : `The browser could not use a key (${error.name}). Try again.`;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said.textContent = "";
    // A confirmation that has run out is asked for anew, before the key is touched in vain.
    const late = form.dataset.seconds && performance.now() - loaded > Number(form.dataset.seconds) * 1000 - 5000;
    try {
      if (!late) {
        if (!window.PublicKeyCredential) throw new Error("This browser knows no passkeys. Use another one.");
        const publicKey = read(await ask());
        answer.value = told(await navigator.credentials[form.dataset.passkey]({ publicKey }));
      }
      HTMLFormElement.prototype.submit.call(form);
    } catch (error) {
      said.textContent = words(error);
    }
  });
}
