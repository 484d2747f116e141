/* The pages close when the visit is over: the buttons go, and the page says so. */

const WARNED = 60;
const problem = document.querySelector("[data-problem]");
const left = Number(document.body.dataset.left);

function say(words, ...more) {
  problem.replaceChildren(words, ...more);
  problem.hidden = false;
}

function close() {
  for (const button of document.querySelectorAll("main button")) button.disabled = true;
  const again = document.createElement("a");
  again.href = location.pathname;
  again.textContent = "Enter again with your passkey";
  say("This page has expired. ", again, ".");
}

if (problem && left > 0) {
  if (left > WARNED) setTimeout(() => say("This page expires in one minute."), (left - WARNED) * 1000);
  setTimeout(close, left * 1000);
}
