// What was found, the worst first: by severity, then by rule.
const recoverLine = (command) => make("div", { class: "recover" }, make("span", {}, "Get it out:"), code(command), copyButton(command, "command"));

const findingItem = (f, alone) => {
  const place = placeOf(f);
  const where = [f.layer !== null ? `layer ${f.layer}` : null, f.state ? stateWord(f.state) : null, f.of_base === true ? "from the base image" : null].filter(Boolean);
  const also = f.also.length > 0 && fold(`${plural(f.all, "more place")}`, make("ul", { class: "places" }, f.also.map((a) =>
    make("li", {}, make("bdi", {}, placeOf(a) || clean(a.message)), make("span", { class: "dim" }, [a.layer !== null ? `layer ${a.layer}` : null, stateWord(a.state)].filter(Boolean).join(" · ")),
      a.recover && recoverLine(a.recover)))),
    f.all > f.also.length && make("p", { class: "dim" }, `The first ${f.also.length}; the JSON report has all.`));
  return make("li", { class: "finding" },
    !alone && make("p", { class: "message" }, sentence(f.message)),
    place && make("p", { class: "place" }, make("bdi", {}, place)),
    make("p", { class: "dim" }, where.join(" · ")),
    f.masked && make("p", {}, code(f.masked)),
    f.plain !== undefined && make("p", { class: "plain" }, "in clear: ", code(f.plain)),
    f.package && make("p", { class: "dim" }, "shipped to everyone by ", code(f.package)),
    also,
    f.recover && f.masked && recoverLine(f.recover),
    fold("Details", facts(["from", f.instruction && code(stepWords(f.instruction))], ["layer", f.layer_digest && code(f.layer_digest)],
      ["confidence", f.confidence && clean(f.confidence.replaceAll("-", " "))], ["get it out", f.recover && !f.masked && code(f.recover)],
      ["fingerprint", code(f.fingerprint)], ["reason", f.reason && clean(f.reason)], ["accepted by", f.accepted_by && clean(f.accepted_by)], ["until", f.expires && clean(f.expires)])));
};

const ruleCard = (rule, found) => {
  const first = found[0];
  const text = ruleOf(rule);
  const same = found.every((f) => f.message === first.message);
  const list = make("ul", { class: "finding-list" });
  const more = pages(found, 6, (f) => findingItem(f, same), list, "findings");
  // What kind of secret it is stands before its place.
  const kinds = new Set(found.map((f) => f.message.split(/ in (?=\/|environment|label|the )/)[0]));
  const title = same ? first.message : first.category === "secret" && kinds.size === 1 ? [...kinds][0] : text ? text.title : rule;
  const advice = found.every((f) => f.advice === first.advice) ? first.advice : null;
  return make("article", { class: "rule sev-edge-" + first.severity, "data-rule": clean(rule) },
    make("header", {}, chip(first.severity), make("h4", {}, sentence(title)), found.length > 1 && make("span", { class: "dim" }, plural(found.length, "time"))),
    make("p", { class: "rule-id" }, code(rule)), list, more,
    advice && make("p", { class: "advice" }, make("span", { "aria-hidden": "true" }, "→ "), sentence(advice)),
    text && fold("About this rule", make("div", { class: "doc" }, prose(text.doc))));
};

const drawFindings = (image) => {
  const all = image.findings.rows;
  const state = { severities: new Set(SEVERITIES), category: "", state: "", layer: null, text: "" };
  const results = make("div", { id: "finding-results" });
  const status = make("p", { class: "sum", role: "status" });
  const haystack = new Map(all.map((f) => [f, [f.rule, f.message, f.path, f.inside, f.masked, f.fingerprint, f.instruction, f.advice, ...f.also.map((a) => a.path)].filter(Boolean).join("\n").toLowerCase()]));
  const levels = make("div", { class: "chips", role: "group", "aria-label": "Severity" });
  const options = (label, id, values, word) => {
    const select = make("select", { "aria-label": label, id }, make("option", { value: "" }, "any " + label.toLowerCase()), values.map((v) => make("option", { value: v }, word(v))));
    select.addEventListener("change", () => { state[id.slice(8)] = select.value; draw(); });
    return select;
  };
  const category = options("Category", "finding-category", [...new Set(all.map((f) => f.category))].sort(), clean);
  const states = options("State", "finding-state", Object.keys(data.words.state).filter((s) => all.some((f) => f.state === s)), stateWord);
  const text = make("input", { type: "search", placeholder: "rule, path, message, fingerprint", "aria-label": "Find in findings", id: "finding-text" });
  text.addEventListener("input", () => { state.text = text.value; draw(); });
  const clear = button("Clear filters", { class: "link" }, () => filter({}));

  const fits = (f) => state.severities.has(f.severity) && (!state.category || f.category === state.category) && (!state.state || f.state === state.state)
    && (state.layer === null || f.layer === state.layer || f.also.some((a) => a.layer === state.layer))
    && (!state.text.trim() || haystack.get(f).includes(state.text.trim().toLowerCase()));
  const draw = () => {
    const shown = all.filter(fits);
    const filtered = shown.length < all.length;
    for (const b of levels.children) b.setAttribute("aria-pressed", String(state.severities.has(b.dataset.severity)));
    status.textContent = filtered ? `${number(shown.length)} of ${plural(all.length, "finding")}${state.layer !== null ? ` · layer ${state.layer}` : ""}` : plural(all.length, "finding");
    clear.hidden = !filtered && state.layer === null;
    results.replaceChildren(...SEVERITIES.flatMap((severity) => {
      const rules = new Map();
      for (const f of shown) {
        if (f.severity !== severity) continue;
        if (!rules.has(f.rule)) rules.set(f.rule, []);
        rules.get(f.rule).push(f);
      }
      if (!rules.size) return [];
      const n = [...rules.values()].reduce((a, r) => a + r.length, 0);
      const group = make("div", { class: "group", "data-severity": severity }, make("h3", {}, capital(severity), make("span", { class: "dim" }, " " + number(n))));
      const rest = pages([...rules], 30, ([rule, found]) => ruleCard(rule, found), group, "rules");
      group.append(rest);
      return [group];
    }));
    if (!shown.length && all.length) results.append(empty("Nothing fits the filter."));
  };
  const filter = (wanted) => {
    Object.assign(state, { severities: new Set(wanted.severity ? [wanted.severity] : SEVERITIES), category: "", state: "", layer: wanted.layer ?? null, text: "" });
    category.value = states.value = text.value = "";
    draw();
  };
  for (const [severity, n] of counts(image)) {
    levels.append(button([make("b", {}, number(n)), " " + severity], { class: "chip sev-" + severity, "data-severity": severity, "aria-pressed": "true" }, () => {
      if (state.severities.has(severity)) state.severities.delete(severity);
      else state.severities.add(severity);
      draw();
    }));
  }
  const aside = (list, title, about) => list.all > 0 && fold(`${title} (${number(list.all)})`, make("p", { class: "about" }, about), make("div", {}, [...Map.groupBy(list.rows, (f) => f.rule)].map(([rule, found]) => ruleCard(rule, found))), of(list) && make("p", { class: "dim" }, of(list)));
  const wholly = leftOut(image, "secrets") && leftOut(image, "config");
  const partly = leftOut(image, "secrets") || leftOut(image, "config");
  const none = wholly ? "Left out as asked." : partly ? "Nothing in the part that was asked for." : partial(image) ? "Nothing in what was looked at; see what was not." : image.hidden.accepted || image.hidden.known ? "Nothing but what is accepted or known." : "Nothing was found. All layers, the configuration and the history were looked at.";
  const body = section("findings", "Findings", of(image.findings),
    all.length > 0 && make("div", { class: "tools" }, levels, category, states, text, clear), all.length > 0 && status, results,
    !all.length && empty(none),
    aside(image.accepted, "Accepted", "The image's owner lives with these."),
    aside(image.known, "Known", "The baseline has these too."),
    image.expired.all > 0 && fold(`Acceptances that have expired (${number(image.expired.all)})`, make("ul", {}, image.expired.rows.map((e) =>
      make("li", {}, `${clean(e.accepted_by)}: ${e.reason ? clean(e.reason) : "no reason"}${e.expires ? `, until ${clean(e.expires)}` : ""}; ${plural(e.findings, "finding")} count again`)))));
  draw();
  return { body, show(wanted) { filter(wanted); body.scrollIntoView(); text.focus({ preventScroll: true }); } };
};
