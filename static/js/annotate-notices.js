/* What the annotate pages tell: saved or not, the toast, what a screen reader is told, and answers that were refused. */
window.annotateNotices = (project, user) => {
  const $ = (id) => document.getElementById(id);
  const toast = $("toast"), saved = $("saved"), trouble = $("trouble");
  let hideTimer, last = "saved", halted = false, box;

  const say = (message, quietly = false) => {
    $("said").textContent = message;
    if (quietly) return;
    toast.replaceChildren(Object.assign(document.createElement("span"), { textContent: message }));
    toast.hidden = false;
    clearTimeout(hideTimer);
    hideTimer = setTimeout(() => { toast.hidden = true; }, 3500);
  };
  const offerUndo = () => {
    const undo = Object.assign(document.createElement("button"), { type: "button", textContent: "Undo " });
    undo.dataset.act = "undo";
    undo.append(Object.assign(document.createElement("kbd"), { textContent: "Z" }));
    toast.append(undo);
  };
  const states = {
    saved: ["ok", () => "Saved"],
    saving: ["ok", () => "Saving…"],
    offline: ["warn", (n) => `Waiting for connection (${n})`],
    waiting: ["warn", (n) => `Not saved, trying again (${n})`],
  };
  const state = (name, n) => {
    const [icon, words] = states[name], fine = icon === "ok";
    saved.classList.toggle("good-t", fine);
    saved.classList.toggle("bad-t", !fine);
    saved.querySelector("use").setAttribute("href", `#i-${icon}`);
    saved.lastElementChild.textContent = words(n);
    saved.dataset.unsent = n;
    if (name === "saving" || name === last) return;
    if (!fine) $("said").textContent = `${words(n)}. What you answer is kept in this browser and sent later.`;
    else if (last !== "saved") $("said").textContent = "All is saved.";
    last = name;
  };
  const button = (text, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "btn small", textContent: text });
    made.addEventListener("click", act);
    return made;
  };
  const shorter = (text, most) => (text.length > most ? `${text.slice(0, most)}…` : text);
  const alarm = (message, ...acts) => {
    const line = Object.assign(document.createElement("span"), { className: "acts" });
    line.append(...acts);
    trouble.children[1].textContent = message;
    trouble.children[2]?.remove();
    if (acts.length) trouble.append(line);
    trouble.hidden = !message;
  };
  /* The oldest refused answer, with what was said in it, until its author puts it aside */
  const refused = (outbox) => {
    const [job, ...others] = outbox.refused;
    if (!job) return alarm("");
    const said = job.words ? ` You had answered “${shorter(job.words, 200)}”.` : "";
    const comment = job.body?.comment || job.body?.note, noted = comment ? ` Your comment: “${shorter(comment, 500)}”.` : "";
    const more = others.length ? ` ${others.length} more like this.` : "";
    alarm(
      `Not stored: ${job.detail || "it was refused."} It is about “${shorter(job.about ?? "", 80)}”.${said}${noted}${more}`,
      button("Try again", () => {
        alarm("");
        outbox.again(job);
      }),
      button("Put aside", () => {
        outbox.forget(job);
        refused(outbox);
      }),
    );
  };
  /* Nothing can be sent or fetched for now. Whoever is signed out can sign in again here. */
  const halt = (detail, status) => {
    halted = true;
    if (status !== 401 && box?.refused.length) return; // that notice says why too, and what was answered
    const way = Object.assign(document.createElement("a"), { className: "btn small", href: trouble.dataset.signIn, textContent: "Sign in" });
    const kept = "What is not saved yet is kept in this browser and sent when you are back here.";
    if (status === 401) alarm(`You are signed out. ${kept}`, way);
    else alarm(`${detail} ${kept}`.trim());
  };
  const outbox = (csrf, more) => {
    const resume = () => {
      if (halted) refused(made);
      halted = false;
    };
    const made = new window.Outbox(window.Outbox.name(user, project), csrf, {
      state: (name, n) => {
        state(name, n);
        if (name === "saved") resume();
      },
      refused: (job) => {
        more.refused?.(job);
        refused(made);
      },
      stopped: (detail, status) => {
        halt(detail, status);
        more.stopped?.();
      },
      stored: more.stored,
      idle: more.idle,
      elsewhere: more.elsewhere,
    });
    box = made;
    made.resume = resume;
    refused(made);
    saved.dataset.unsent = made.jobs.length;
    return made;
  };
  return { say, offerUndo, halt, outbox };
};
