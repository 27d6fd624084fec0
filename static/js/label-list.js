/* More than twelve labels: a list that is filtered by typing (after /), walked with ↑ ↓, and whose first places are the
   labels used lately, under 1–5. A label that is new there takes the place of the one not used for longest; the others
   keep theirs. The definition of the highlighted label stands beside the text. */
window.labelList = (form, choose) => {
  const list = form.querySelector("[data-label-list]");
  if (!list) return null;
  const MOST = 5;
  const $ = (id) => document.getElementById(id);
  const filter = $("filter"), lately = $("lately"), store = list.dataset.labelList;
  const labels = new Map(JSON.parse($("labelling").textContent).labels.map((label) => [label.name, label]));
  const all = () => [...list.querySelectorAll(".lab")];
  const usable = () => all().filter((b) => !b.hidden && !b.closest("[hidden]"));
  const name = (b) => b.dataset.label;
  let on = null, slots = [];

  const light = (b, scroll = true) => {
    on?.classList.remove("on");
    on = b ?? null;
    on?.classList.add("on");
    if (scroll) on?.scrollIntoView({ block: "nearest" });
    const about = on && labels.get(name(on));
    $("defined").textContent = about?.name ?? "No label fits what you typed";
    $("definition").replaceChildren(...(about ? said(about) : []));
  };
  const said = (about) => {
    const p = (className, ...parts) => {
      const made = document.createElement("p");
      made.className = className;
      made.append(...parts);
      return made;
    };
    const found = [about.description ? p("", about.description) : p("mute", "No definition is written for this label.")];
    for (const example of about.examples) {
      const yes = Object.assign(document.createElement("span"), { className: "good-t", textContent: "Yes:" });
      found.push(p("sm", yes, ` “${example}”`));
    }
    return found;
  };
  const narrow = () => {
    const wanted = filter.value.trim().toLowerCase();
    lately.hidden = Boolean(wanted) || !slots.length;
    for (const b of all()) {
      const plain = b.dataset.label, at = plain.toLowerCase().indexOf(wanted);
      b.hidden = Boolean(wanted) && at < 0;
      if (b.closest("#lately")) continue;
      const bold = b.querySelector("b");
      if (!wanted || at < 0) bold.textContent = plain;
      else {
        const mark = Object.assign(document.createElement("mark"), { textContent: plain.slice(at, at + wanted.length) });
        bold.replaceChildren(plain.slice(0, at), mark, plain.slice(at + wanted.length));
      }
    }
    $("every").hidden = Boolean(wanted);
    light(usable()[0], Boolean(wanted));
  };
  const place = () => {
    const heading = lately.querySelector("h3");
    lately.replaceChildren(heading, ...slots.map(({ label }, n) => {
      const like = [...list.querySelectorAll("[data-label-rest] .lab")].find((b) => name(b) === label);
      const b = like.cloneNode(true), key = Object.assign(document.createElement("kbd"), { textContent: n + 1 });
      b.classList.remove("on");
      b.hidden = false;
      b.querySelector("b").textContent = label;
      b.querySelector("input")?.removeAttribute("id");
      b.firstElementChild.replaceWith(key);
      return b;
    }));
    lately.hidden = !slots.length;
  };
  const used = (names) => {
    for (const label of names) {
      const now = Date.now(), known = slots.find((slot) => slot.label === label);
      if (known) known.at = now;
      else if (slots.length < MOST) slots.push({ label, at: now });
      else Object.assign(slots.reduce((oldest, slot) => (slot.at < oldest.at ? slot : oldest)), { label, at: now });
    }
    try {
      localStorage.setItem(store, JSON.stringify(slots));
    } catch { /* then they are known to this page alone */ }
    place();
    narrow();
  };

  try {
    slots = JSON.parse(localStorage.getItem(store) ?? "[]").filter((slot) => labels.has(slot.label));
  } catch { /* none are known */ }
  for (const part of [filter, $("defined")]) part.closest("[hidden]").hidden = false;
  filter.addEventListener("input", narrow);
  list.addEventListener("focusin", (e) => e.target.closest(".lab") && light(e.target.closest(".lab"), false));
  list.addEventListener("pointerover", (e) => e.pointerType === "mouse" && e.target.closest(".lab") && light(e.target.closest(".lab"), false));
  place();
  narrow();

  return {
    used,
    get on() {
      return on;
    },
    reset(current) {
      const typed = document.activeElement === filter;
      filter.value = "";
      if (typed) filter.blur();
      list.scrollTop = 0;
      narrow();
      const marked = current && usable().find((b) => name(b) === current);
      if (marked) light(marked);
    },
    key(e, key, typing) {
      if (typing && e.target !== filter) return false;
      if (key === "arrowdown" || key === "arrowup") {
        const seen = usable(), at = seen.indexOf(on);
        light(seen[Math.max(0, Math.min(seen.length - 1, at + (key === "arrowdown" ? 1 : -1)))]);
        return true;
      }
      if (key === "enter" && (e.target === filter || e.target === document.body || e.target.id === "main")) {
        if (on && !e.repeat) choose(on, e.target === filter);
        return Boolean(on) || e.target === filter;
      }
      if (typing) return false;
      if (key === "/") {
        filter.focus();
        return true;
      }
      const slot = /^[1-5]$/.test(key) && !e.shiftKey && lately.querySelectorAll(".lab")[key - 1];
      if (slot && !e.repeat) choose(slot);
      return Boolean(slot);
    },
  };
};
