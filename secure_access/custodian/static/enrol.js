/* Make a passkey for this address: a file for the custody officers or, in a demonstration, enrolled at once. */

import { alone, made, post } from "./passkey.js";

const show = (name) => {
  const part = document.querySelector(`[data-${name}]`);
  part.hidden = false;
  part.focus();
  return part;
};

const register = document.querySelector("[data-register]");
register.addEventListener("submit", (event) => {
  event.preventDefault();
  alone(async () => {
    const { name, device } = register.elements;
    const answer = await made("/enrol/ask", { name: name.value, device: device.value });
    const { file, fingerprint } = await (await post("/enrol", answer)).json();
    const save = document.querySelector("[data-save]");
    save.href = URL.createObjectURL(new Blob([file], { type: "application/json" }));
    save.download = `passkey ${fingerprint.slice(0, 9)}.json`.replaceAll(" ", "-");
    document.querySelector("[data-fingerprint]").textContent = fingerprint;
    register.hidden = true;
    show("registered");
  });
});

const atOnce = document.querySelector("[data-at-once]");
atOnce?.addEventListener("submit", (event) => {
  event.preventDefault();
  alone(async () => {
    const { person, device } = atOnce.elements;
    const { name } = person.selectedOptions[0].dataset;
    const answer = await made("/enrol/ask", { name, device: device.value });
    const done = await (await post("/enrol/at-once", { ...answer, person: person.value })).json();
    document.querySelector("[data-version]").textContent = done.version;
    document.querySelector("[data-person]").textContent = done.name;
    atOnce.hidden = true;
    show("enrolled");
  });
});
