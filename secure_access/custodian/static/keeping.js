/* Keep or destroy a plan: hold it, lift the hold, approve its destruction. One passkey for each act. */

import "./closing.js";
import { Refused, act, alone } from "./passkey.js";
import { reveals } from "./reveal.js";

const panel = document.getElementById("decision");

reveals();

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () =>
    alone(async () => {
      const field = document.getElementById(button.dataset.reason);
      if (field && !field.value.trim()) throw new Refused("Say why: whoever decides after you has to know.");
      await act(button.dataset.act, panel.dataset.plan, field ? { reason: field.value } : {});
      location.assign(`${location.pathname}?decided`);
    }),
  );
}

if (location.search === "?decided") panel.focus();
