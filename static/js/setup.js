/* New project: rows of labels come and go without a round trip, two labels with one key are marked while they are
   typed, and the summary follows the fields. The server checks it all again; without a script its buttons do the same. */
(() => {
  const form = document.querySelector("form[data-new-project]");
  for (const select of document.querySelectorAll("select[data-submits]")) {
    select.form.querySelector("button").hidden = true;
    select.addEventListener("change", () => select.form.requestSubmit());
  }
  if (!form) return;
  const body = form.querySelector("[data-label-rows]"), template = document.getElementById("label-row");
  const total = form.querySelector("[name=labels-TOTAL_FORMS]"), ownKeys = form.dataset.screenKeys;
  const rows = () => [...body.querySelectorAll("[data-label-row]")];
  const nameOf = (row) => row.querySelector("[data-name]").value.trim();

  const add = () => {
    const at = Number(total.value), place = rows().length + 1;
    const used = new Set(rows().map((row) => row.querySelector(".key").value));
    const made = template.content.cloneNode(true).firstElementChild;
    made.innerHTML = made.innerHTML.replaceAll("__prefix__", at).replaceAll("__place__", place);
    made.querySelector(".key").value = [..."1234567890"].find((digit) => !used.has(digit)) ?? "";
    const hue = (place - 1) % 8 + 1;
    made.querySelector(`[type=radio][value="${hue}"]`).checked = true;
    body.append(made);
    total.value = at + 1;
    paint(made);
    made.querySelector("[data-name]").focus();
  };
  const remove = (row) => {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next?.querySelector("[data-name]") ?? form.querySelector("[name=add-labels]")).focus();
  };
  const paint = (row) => {
    const hue = row.querySelector("[type=radio]:checked")?.value ?? 1;
    row.querySelector("[data-swatch]").className = `sw c${hue}`;
  };

  const problem = (row, all) => {
    const key = row.querySelector(".key").value.toLowerCase();
    if (!key) return "";
    if (ownKeys.includes(key)) return `The screen uses “${key}” itself. Take a digit or another letter.`;
    if (!/^[a-z0-9]$/.test(key)) return `“${key}” cannot be a key. Take a digit or a letter.`;
    const other = all.find((o) => o !== row && o.querySelector(".key").value.toLowerCase() === key);
    if (!other || all.indexOf(other) > all.indexOf(row)) return "";
    const used = new Set(all.map((o) => o.querySelector(".key").value.toLowerCase()));
    const free = [...form.dataset.freeKeys].filter((k) => !used.has(k)).slice(0, 3);
    return `Key ${key} is taken by “${nameOf(other) || "a label above"}”.${free.length ? ` Free: ${free.join(", ")}.` : ""}`;
  };
  const say = (name, tone, text) => {
    const line = form.querySelector(`[data-check=${name}]`);
    line.hidden = false;
    line.className = `check-row ${tone}`;
    line.querySelector("use").setAttribute("href", `#i-${tone === "good" ? "ok" : tone}`);
    line.querySelector("span").textContent = text;
  };
  const count = (n, one, many) => `${n === 1 ? "One" : n} ${n === 1 ? one : many}`;
  const check = () => {
    const named = rows().filter(nameOf);
    let clashes = 0, own = 0;
    for (const row of rows()) {
      const key = row.querySelector(".key"), said = row.querySelector("[data-key-problem]");
      const what = nameOf(row) ? problem(row, named) : "";
      key.toggleAttribute("aria-invalid", Boolean(what));
      if (what) key.setAttribute("aria-invalid", "true");
      said.textContent = what;
      said.hidden = !what;
      if (what) ownKeys.includes(key.value.toLowerCase()) ? own++ : clashes++;
    }
    const bare = named.filter((row) => !row.querySelector("[data-examples]").value.trim()).length;
    say("keys", clashes ? "bad" : "good", clashes ? count(clashes, "key cannot be used", "keys cannot be used") : "Every label has a key of its own, or none");
    say("own", own ? "bad" : "good", own ? count(own, "key is the screen’s own", "keys are the screen’s own") : "Keys leave the screen’s own free");
    say("examples", bare ? "warn" : "good", bare ? count(bare, "label has no example", "labels have no example") : "Every label has an example");
    if (!named.length) for (const name of ["keys", "examples"]) form.querySelector(`[data-check=${name}]`).hidden = true;
  };

  const number = (name) => parseFloat((form.elements[name] ?? document.getElementById(name))?.value) || 0;
  const put = (name, text) => { for (const out of form.querySelectorAll(`[data-out=${name}]`)) out.textContent = text; };
  const whole = (x) => Math.round(x).toLocaleString("en");
  const estimate = () => {
    const base = number("texts") * number("overlap"), gold = base * number("gold_rate") / 100;
    const repeats = base * number("repeat_rate") / 100, all = base + gold + repeats;
    const people = Math.max(1, number("people")), each = Math.round(all * 9 / 60 / people), sitting = number("sitting_minutes");
    put("total", whole(all));
    put("base", `${whole(base)} answers`);
    put("gold", `${whole(gold)} answers`);
    put("repeats", `${whole(repeats)} answers`);
    put("hours", all * 9 < 5400 ? `about ${whole(all * 9 / 60)} min` : `about ${whole(all * 9 / 3600)} hours`);
    put("each", each < 60 ? `${each} min` : `${Math.floor(each / 60)} h ${String(each % 60).padStart(2, "0")}`);
    put("sittings", sitting ? `${Math.ceil(each / sitting)} each` : "no limit");
    put("prepare", gold ? `${whole(gold / people)} or more` : "none");
    const words = form.elements.guideline.value.split(/\s+/).filter(Boolean).length;
    put("words", words ? `${whole(words)} words, about ${Math.max(1, Math.round(words / 220))} min to read` : "");
  };
  form.addEventListener("click", (e) => {
    const button = e.target.closest("button[name=add-labels], button[name=remove-label]");
    if (!button) return;
    e.preventDefault();
    button.name === "add-labels" ? add() : remove(button.closest("[data-label-row]"));
    check();
  });
  form.addEventListener("input", (e) => {
    const row = e.target.closest("[data-label-row]");
    if (row && e.target.type === "radio") paint(row);
    row ? check() : estimate();
  });
  form.querySelector("[data-estimate]").hidden = false;
  estimate();
  if (rows().some(nameOf)) check();
})();
