/* Says what a slider of the penalty explorer stands at while it is moved. Without it the page does the same work:
   the sliders are native and the form is sent by GET. Text only, so Trusted Types have nothing to allow. */
"use strict";
/* A plain number in groups of three digits, as the page says it; empty for what is no number. */
const grouped = (text) => {
  if (!/^\d[\d,]*(\.\d+)?$/.test(text)) return "";
  const [whole, cents] = text.replaceAll(",", "").split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (cents ? `.${cents}` : "");
};
for (const slider of document.querySelectorAll("input[type=range][data-words]")) {
  const words = slider.dataset.words.split("|");
  const output = document.querySelector(`output[for="${slider.id}"]`);
  const exact = document.getElementById(slider.dataset.exact);
  const tell = (said) => {
    output.textContent = said;
    slider.setAttribute("aria-valuetext", said);
  };
  const here = () => words[Number(slider.value) - Number(slider.min)];
  slider.setAttribute("aria-valuetext", output.textContent);
  slider.addEventListener("input", () => {
    if (exact) exact.value = "";
    tell(here());
  });
  if (exact) {
    exact.addEventListener("input", () => {
      const written = grouped(exact.value.trim());
      tell(written ? `${written}, as written below` : here());
    });
  }
}
