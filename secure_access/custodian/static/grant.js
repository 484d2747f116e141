/* Approve, refuse or revoke a grant: one passkey for each act. */

import "./closing.js";
import { Refused, act, alone } from "./passkey.js";
import { reveals } from "./reveal.js";

const panel = document.getElementById("decision");
const reason = document.getElementById("reason");

reveals();

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
