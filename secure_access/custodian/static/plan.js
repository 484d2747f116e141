/* Pause and resume access to a plan. */

import "./closing.js";
import { act, alone } from "./passkey.js";

const panel = document.getElementById("decision");

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () =>
    alone(async () => {
      await act(button.dataset.act, panel.dataset.plan);
      location.assign(`${location.pathname}?decided`);
    }),
  );
}

if (location.search === "?decided") panel.focus();
