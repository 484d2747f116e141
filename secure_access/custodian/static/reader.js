/* Recertify a reader: one passkey over what the page shows. */

import "./closing.js";
import { act, alone } from "./passkey.js";

const panel = document.getElementById("decision");

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () =>
    alone(async () => {
      await act(button.dataset.act, panel.dataset.statement);
      location.assign(`${location.pathname}?decided`);
    }),
  );
}

if (location.search === "?decided") panel.focus();
