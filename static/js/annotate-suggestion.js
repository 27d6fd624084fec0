/* What a model suggests for the text at hand: always shown, or once it is asked for (H). It is marked as a suggestion, in
   a line under the text and on its label; nothing is chosen by it. Spans are taken over by H when they are shown. */
window.suggestionRow = ({ form, told, csrf, say, shape }) => {
  const $ = (id) => document.getElementById(id);
  const row = $("suggested"), words = $("suggestion"), button = row.querySelector("button");
  let entry = null, own = false, asking = false;

  const el = (name, className, textContent) => Object.assign(document.createElement(name), { className, textContent });
  const seen = (suggestion) => ["shown", "asked"].includes(suggestion?.state);
  const quoted = (span) => `${span.label} “${[...entry.item.text].slice(span.start, span.end).join("")}”`;
  const value = ({ label, labels, spans }) => label ?? (labels ? labels.join(", ") || "None of these" : spans.map(quoted).join("; ") || "No spans");
  const score = ({ score: given }) => (given == null ? "" : `, score ${given.toFixed(2)}`);

  /* The labels that are suggested say so themselves */
  const mark = (suggestion) => {
    for (const old of form.querySelectorAll(".sug")) old.remove();
    if (!seen(suggestion) || suggestion.spans) return;
    const names = new Set(suggestion.labels?.length === 0 ? ["None of these"] : suggestion.labels ?? [suggestion.label]);
    for (const lab of form.querySelectorAll(".lab"))
      if (names.has(lab.dataset.label ?? lab.value)) lab.append(el("span", "sug", "suggested"));
  };
  const show = (now, isOwn) => {
    [entry, own] = [now, isOwn];
    const suggestion = now?.suggestion ?? null;
    if (now && !own) row.hidden = !suggestion;
    const hidden = !own && suggestion?.state === "hidden";
    const toTake = !own && seen(suggestion) && suggestion.spans?.length > 0;
    if (seen(suggestion)) words.replaceChildren(el("b", "", value(suggestion)), ` by ${suggestion.source}${score(suggestion)}`);
    else words.textContent = hidden ? "hidden" : own ? "none beside your own answer" : suggestion ? "none for this text" : "";
    button.hidden = !(hidden || toTake);
    button.firstElementChild.textContent = toTake ? "Take over" : "Show it";
    words.toggleAttribute("tabindex", false);
    if (words.scrollHeight > words.clientHeight + 1) words.tabIndex = 0; // what scrolls can be scrolled by keyboard
    mark(suggestion);
    shape.suggest?.(seen(suggestion) ? suggestion.spans ?? [] : []);
  };
  const inWords = (now) => (seen(now?.suggestion) ? ` Suggested: ${value(now.suggestion)}.` : "");

  const ask = async () => {
    const now = entry, suggestion = now?.suggestion;
    if (own || !suggestion || suggestion.state === "none") return say("There is no suggestion here");
    if (seen(suggestion)) return suggestion.spans?.length ? shape.takeOver(suggestion.spans) : say(`Suggested: ${value(suggestion)}`, true);
    if (asking) return;
    asking = true;
    try {
      const url = told.urls.suggestion.replace("/0/", `/${now.id}/`);
      const said = await fetch(url, { method: "POST", headers: { "X-CSRFToken": csrf }, signal: AbortSignal.timeout(10000) });
      if (!said.ok) throw new Error(said.status);
      now.suggestion = await said.json();
    } catch {
      say("The suggestion cannot be had just now. Try again, or answer without it.");
    }
    asking = false;
    if (now !== entry || !seen(now.suggestion)) return;
    show(entry, own);
    say(`Suggested: ${value(now.suggestion)}`, true);
  };
  return { show, ask, inWords };
};
