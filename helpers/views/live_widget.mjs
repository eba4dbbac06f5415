// A running build in a notebook. The kernel sends the state a few times a second; the clocks
// between run here. Nodes are kept and changed, so that an opened log stays open and in place.

function node(tag, classes, parent) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  if (parent) parent.append(made);
  return made;
}

function say(target, words) {
  if (target.textContent !== words) target.textContent = words;
}

function seconds(value) {
  if (value < 59.95) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Keep one child for each item, in their order; make what is new, remove what is gone. */
function keep(parent, kept, items, make, change) {
  const wanted = new Set(items.map((item) => item.id));
  for (const [id, row] of kept) {
    if (!wanted.has(id)) {
      row.root.remove();
      kept.delete(id);
    }
  }
  items.forEach((item, index) => {
    let row = kept.get(item.id);
    if (!row) {
      row = make(item);
      kept.set(item.id, row);
    }
    if (parent.children[index] !== row.root) parent.insertBefore(row.root, parent.children[index] ?? null);
    change(row, item);
  });
}

function makeRunning() {
  const root = node("div", "wb-run");
  const line = node("div", "wb-run-line", root);
  node("span", "wb-run-mark", line).setAttribute("aria-hidden", "true");
  const label = node("code", "wb-run-label", line);
  const moved = node("span", "wb-run-moved wb-muted", line);
  const clock = node("span", "wb-run-clock", line);
  const bar = node("div", "wb-run-bar", root);
  const fill = node("span", "", bar);
  const details = node("details", "", root);
  const summary = node("summary", "", details);
  const log = node("pre", "wb-log", details);
  log.tabIndex = 0;
  return { root, label, moved, clock, bar, fill, details, summary, log, since: 0 };
}

function changeRunning(row, item) {
  say(row.label, item.label);
  say(row.moved, item.moved);
  row.since = item.seconds;
  row.bar.hidden = item.share === null;
  if (item.share !== null) row.fill.style.width = `${(item.share * 100).toFixed(1)}%`;
  row.details.hidden = item.lines.length === 0;
  const last = item.lines.findLast((words) => words.trim());
  say(row.summary, row.details.open || !last ? "Last lines" : last);
  const atEnd = row.log.scrollTop + row.log.clientHeight >= row.log.scrollHeight - 4;
  say(row.log, item.lines.join("\n"));
  if (atEnd) row.log.scrollTop = row.log.scrollHeight;
}

function makeStage() {
  const root = node("section", "wb-stage");
  const title = node("div", "wb-stage-title", root);
  const list = node("div", "wb-stage-steps", root);
  return { root, title, list, steps: new Map() };
}

function makeStep() {
  const root = node("div", "wb-step");
  const word = node("span", "", root);
  const label = node("code", "", root);
  const time = node("span", "wb-step-time", root);
  return { root, word, label, time };
}

function changeStep(row, item) {
  row.word.className = `wb-step-word ${item.tone}`;
  say(row.word, item.word);
  say(row.label, item.label);
  say(row.time, item.time);
}

function changeStage(row, item) {
  say(row.title, item.title);
  keep(row.list, row.steps, item.steps, makeStep, changeStep);
}

function render({ model, el }) {
  const root = node("div", "wb wb-live", el);
  const head = node("p", "wb-line", root);
  const running = node("div", "wb-running", root);
  const failure = node("div", "wb-failure", root);
  const failed = node("p", "wb-line wb-fail", failure);
  const log = node("pre", "wb-log", failure);
  const stages = node("div", "wb-stages", root);
  const warnings = node("div", "", root);
  const rows = new Map();
  const lanes = new Map();
  const notes = new Map();
  let told = performance.now();

  function tick() {
    const gone = (performance.now() - told) / 1000;
    const state = model.get("state");
    if (!state.counts) return;
    say(head, state.failed ? state.headline : `▸ Building for ${seconds(state.elapsed + gone)}: ${state.counts}`);
    for (const row of rows.values()) say(row.clock, seconds(row.since + gone));
  }

  function change() {
    const state = model.get("state");
    if (!state.counts) return;
    told = performance.now();
    head.className = `wb-line ${state.tone}`;
    keep(running, rows, state.running, makeRunning, changeRunning);
    failure.hidden = !state.failed;
    if (state.failed) {
      say(failed, `✗ ${state.failed.label}: ${state.failed.error}`);
      say(log, state.failed.lines.join("\n"));
      log.hidden = state.failed.lines.length === 0;
      log.scrollTop = log.scrollHeight;
    }
    keep(stages, lanes, state.stages, makeStage, changeStage);
    keep(
      warnings,
      notes,
      state.warnings,
      () => ({ root: node("p", "wb-line wb-unknown") }),
      (row, item) => say(row.root, `! ${item.text}`),
    );
    tick();
  }

  model.on("change:state", change);
  const timer = setInterval(tick, 100);
  change();
  return () => {
    clearInterval(timer);
    model.off("change:state", change);
  };
}

export default { render };
