/* Enter with a passkey; then the page that was asked for is opened. */

import { alone, confirmed, post } from "./passkey.js";

document.querySelector("[data-enter]")?.addEventListener("click", () =>
  alone(async () => {
    await post("/enter", await confirmed("/enter/ask", {}));
    location.reload();
  }),
);
