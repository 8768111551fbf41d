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
  if (element.matches("input, select, textarea")) element.focus();
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
  if (event.defaultPrevented) return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    delete form.dataset.settled;
  }
});

// what is written is kept on the server a second after the last key, and when the page is left
for (const form of document.querySelectorAll("form[data-keep]")) {
  const said = form.querySelector("[data-kept]");
  let waiting = 0;
  let saving = Promise.resolve();
  let kept = new URLSearchParams(new FormData(form)).toString();

  async function keep() {
    const body = new URLSearchParams(new FormData(form));
    if (body.toString() === kept || form.dataset.sent) return;
    said.textContent = "saving";
    try {
      const answer = await fetch(form.dataset.keep, { method: "POST", body, keepalive: true, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      form.elements.version.value = await answer.text();
      kept = new URLSearchParams(new FormData(form)).toString();
      said.textContent = "kept as a draft";
    } catch {
      said.textContent = "not kept: it is in this window alone";
    }
  }

  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { saving = saving.then(keep); }, 1000);
  };
  form.addEventListener("input", later);
  document.addEventListener("visibilitychange", () => { if (document.hidden) saving = saving.then(keep); });
  form.addEventListener("submit", (event) => {
    clearTimeout(waiting);
    if (form.dataset.settled) return;
    event.preventDefault();  // a save that is under way changes the version that the form sends
    form.dataset.settled = "yes";
    const again = () => form.requestSubmit(event.submitter);
    saving.then(() => setTimeout(again));  // not within this event: a form that is being submitted ignores it (HTML 4.10.22.3)
  });
}

// a ticket that is shown counts as seen; not while a browser only makes the page ready in the background
for (const shown of document.querySelectorAll("[data-seen]")) {
  const say = () => { if (!document.hidden) fetch(shown.dataset.seen, { method: "POST", keepalive: true }).catch(() => {}); };
  if (document.hidden) document.addEventListener("visibilitychange", say, { once: true });
  else say();
}
