/* Approve, refuse or revoke a grant: one passkey for each act. */

import "./closing.js";
import { Refused, act, alone } from "./passkey.js";

const panel = document.getElementById("decision");
const reason = document.getElementById("reason");

for (const button of document.querySelectorAll("[data-reveal]")) {
  button.addEventListener("click", () => {
    const shown = document.getElementById(button.dataset.reveal);
    shown.hidden = !shown.hidden;
    button.setAttribute("aria-expanded", String(!shown.hidden));
    if (!shown.hidden) shown.querySelector("textarea").focus();
  });
}

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () =>
    alone(async () => {
      const name = button.dataset.act;
      const more = name === "grant.refuse" ? { reason: reason.value } : {};
      if (name === "grant.refuse" && !reason.value.trim())
        throw new Refused("Say why you refuse: whoever asked for the access has to know.");
      await act(name, panel.dataset.grant, more);
      location.assign(`${location.pathname}?decided`);
    }),
  );
}

if (location.search === "?decided") panel.focus();
