/* Buttons that show what else is needed for an act, such as a reason. */

/** Each button with `data-reveal` shows and hides the part of that id, and leads to what is to be filled in there. */
export function reveals() {
  for (const button of document.querySelectorAll("[data-reveal]")) {
    button.addEventListener("click", () => {
      const shown = document.getElementById(button.dataset.reveal);
      shown.hidden = !shown.hidden;
      button.setAttribute("aria-expanded", String(!shown.hidden));
      if (!shown.hidden) shown.querySelector("textarea")?.focus();
    });
  }
}
