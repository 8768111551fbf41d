// Single keys: every element with data-key is pressed, followed or focused by it; j and k walk through a list.
// Ignored with Ctrl, Alt, Meta and AltGr, while somebody types or composes, and where they were switched off (WCAG 2.1.4).

const SWITCH = "mailhub-keys";
const off = () => localStorage.getItem(SWITCH) === "off";
const rows = () => [...document.querySelectorAll("[data-row]")];

function typing(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

function walk(step) {
  const all = rows();
  if (all.length === 0) return;
  const here = all.indexOf(document.activeElement);
  all[Math.min(all.length - 1, Math.max(0, here + step))].focus();
}

function act(element) {
  if (element.matches("input, textarea")) element.focus();
  else element.click();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && typing(event.target)) event.target.blur();
  const modified = event.ctrlKey || event.altKey || event.metaKey || event.getModifierState("AltGraph");
  if (modified || event.isComposing || event.repeat && !"jk".includes(event.key) || typing(event.target) || off()) return;
  if (event.key === "j" || event.key === "k") {
    event.preventDefault();
    walk(event.key === "j" ? 1 : -1);
    return;
  }
  const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (wanted !== null) {
    event.preventDefault();
    act(wanted);
  }
});

const box = document.getElementById("keys-on");
if (box !== null) {
  box.form.hidden = false;
  box.checked = !off();
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(SWITCH);
    else localStorage.setItem(SWITCH, "off");
  });
}

// what was sent is not sent twice by a second click
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
