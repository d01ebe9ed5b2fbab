"use strict";
// The page of one endpoint: it asks what the model takes, sends orders, and looks for what becomes of them. Nothing is stored in
// the browser; a request lives in the address's fragment, which is never sent to anybody.

const LOOK_EVERY = 350; // milliseconds
const PATIENCE = 120_000;
const SMALL = 20_000_000; // parameters
const SEEDS = 2 ** 32;
const SETTINGS = { candidates: "n", insistence: "i", temperature: "t" };
const words = JSON.parse(document.querySelector("#words").textContent);
const find = (selector) => document.querySelector(selector);

let language = "es";
let model = null;
let controls = {}; // by field: what reads and fills it
let cards = []; // at most two: a tweet, and the same with one field changed
let note = []; // what the status line says: a word and its values

// --- words

function word(key, values = {}) {
  const text = key.split(".").reduce((level, name) => level?.[name], words[language]) ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

const fieldName = (name) => words[language].fields[name] ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
const valueName = (field, value) => words[language].values[field]?.[value] ?? value;
const number = (value) => Number(value).toLocaleString(language, { maximumFractionDigits: 2 });

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function speak(chosen) {
  language = chosen in words ? chosen : "es";
  document.documentElement.lang = language;
  document.title = word("title");
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", word(element.dataset.label));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  for (const control of Object.values(controls)) control.speak();
  if (model) describeModel();
  showSettings();
  say(...note);
  hideProblem();
  paint();
}

function say(key, values = {}) {
  note = key ? [key, values] : [];
  find("#status").replaceChildren(key ? word(key, values) : "");
  // What stands on the page anyway is read aloud, and not shown twice.
  if (values.text) find("#status").append(make("span", { className: "unseen" }, ` ${values.text}`));
}

function hideProblem() {
  find("#problem").hidden = true;
}

function complain(error) {
  const known = words[language].errors[error.name];
  find("#problem").textContent = known ?? word("errors.Other", { message: error.message });
  find("#problem").hidden = false;
  say();
}

// --- what can be asked

class Choice {
  // One of the values that the model knows.
  constructor(field) {
    this.field = field;
    this.select = make("select", { id: `field-${field.name}` });
    this.label = make("label", { htmlFor: this.select.id });
    this.element = make("div", { className: "field" }, this.label, this.select);
  }
  speak() {
    const chosen = this.select.value;
    this.label.textContent = fieldName(this.field.name);
    this.select.replaceChildren(...options(this.field));
    this.select.value = chosen;
  }
  get value() { return this.select.value; }
  set value(given) { this.select.value = given ?? ""; }
}

class Line {
  // One text of one's own.
  constructor(field) {
    this.field = field;
    this.input = make("input", { id: `field-${field.name}`, autocomplete: "off", maxLength: model.limits.value_characters });
    this.label = make("label", { htmlFor: this.input.id });
    this.element = make("div", { className: "field" }, this.label, this.input);
  }
  speak() { this.label.textContent = fieldName(this.field.name); }
  get value() { return this.input.value.trim(); }
  set value(given) { this.input.value = given ?? ""; }
}

class Items {
  // Several texts, known ones offered.
  constructor(field) {
    this.field = field;
    this.items = [];
    const id = `field-${field.name}`;
    this.chips = make("ul", { className: "chips" });
    this.input = make("input", { id, autocomplete: "off", list: `${id}-offered`, maxLength: model.limits.value_characters });
    this.input.setAttribute("aria-describedby", `${id}-hint`);
    this.label = make("label", { htmlFor: id });
    this.hint = make("p", { className: "hint", id: `${id}-hint` });
    const offered = make("datalist", { id: `${id}-offered` }, ...field.offered.map((value) => make("option", { value })));
    this.element = make("div", { className: "field" }, this.label, this.chips, this.input, offered, this.hint);
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && this.input.value.trim()) {
        event.preventDefault(); // the form is sent by an empty line's Enter
        this.take();
      }
    });
    this.input.addEventListener("input", (event) => {
      const chosen = event.inputType === "insertReplacementText" || event.inputType === undefined;
      if (this.input.value.includes(",") || (chosen && field.offered.includes(this.input.value))) this.take();
    });
    this.input.addEventListener("change", () => this.take());
  }
  take() {
    for (const text of this.input.value.split(",")) this.add(text);
    this.input.value = "";
    this.speak();
  }
  add(text) {
    const item = spelled(this.field, text);
    if (item && !this.items.includes(item) && this.items.length < model.limits.items) this.items.push(item);
  }
  remove(item) {
    this.items = this.items.filter((one) => one !== item);
    this.speak();
    this.input.focus();
  }
  speak() {
    this.label.textContent = fieldName(this.field.name);
    this.hint.textContent = word("listHint");
    this.chips.replaceChildren(...this.items.map((item) => {
      const button = make("button", { type: "button", ariaLabel: word("remove", { item }) }, item, make("span", { ariaHidden: "true" }, "×"));
      button.addEventListener("click", () => this.remove(item));
      return make("li", {}, button);
    }));
  }
  get value() {
    if (this.input.value.trim()) this.take();
    return this.items;
  }
  set value(given) {
    this.items = [];
    this.input.value = "";
    for (const item of given ?? []) this.add(item);
    this.speak();
  }
}

function spelled({ sign }, text) {
  // As the model reads it: blanks folded, the field's sign in front, once.
  let bare = text.trim().replace(/\s+/g, " ");
  while (sign && bare.startsWith(sign)) bare = bare.slice(sign.length).trim();
  return bare && sign + bare;
}

function options(field) {
  return [make("option", { value: "" }, word("any")), ...field.values.map((value) => make("option", { value }, valueName(field.name, value)))];
}

function build() {
  for (const field of model.fields) {
    const control = field.many ? new Items(field) : field.values.length ? new Choice(field) : new Line(field);
    controls[field.name] = control;
    find(field.many ? "#lists" : "#closed").append(control.element);
  }
  find("#who").hidden = !find("#closed").childElementCount;
  find("#prompt").maxLength = model.limits.prompt_characters;
  find("#candidates").max = model.page.most_candidates;
  for (const name of Object.keys(SETTINGS)) find(`#${name}`).value = model.page.defaults[name];
}

function describeModel() {
  const count = model.parameter_count;
  const told = { model: model.model, count: number(count / 1e6) };
  const facts = [count ? word("modelFacts", told) : word("modelName", told)];
  if (count && count < SMALL) facts.push(word("modelSmall"));
  find("#model").textContent = facts.join(" ");
}

function showSettings() {
  for (const name of Object.keys(SETTINGS)) find(`output[for=${name}]`).textContent = number(find(`#${name}`).value);
}

// --- a request: in the form, in the address

function readForm() {
  const inputs = {};
  for (const [name, control] of Object.entries(controls)) {
    const value = control.value;
    if (value.length) inputs[name] = Array.isArray(value) ? [...value] : value;
  }
  if (find("#prompt").value.trim()) inputs.prompt = find("#prompt").value.trim();
  const parameters = { seed: seedGiven() ?? Math.floor(Math.random() * SEEDS) };
  for (const name of Object.keys(SETTINGS)) parameters[name] = Number(find(`#${name}`).value);
  return { inputs, parameters };
}

function seedGiven() {
  const text = find("#seed").value.trim();
  const given = Number(text);
  return text && Number.isInteger(given) && given >= 0 && given < SEEDS ? given : null;
}

function toFragment({ inputs, parameters }) {
  const told = new URLSearchParams();
  for (const [name, value] of Object.entries(inputs)) {
    for (const item of [value].flat()) told.append(name === "prompt" ? "prompt" : `f.${name}`, item);
  }
  for (const [name, short] of Object.entries(SETTINGS)) told.set(short, parameters[name]);
  told.set("seed", parameters.seed);
  told.set("model", model.model);
  told.set("lang", language);
  return `#${told}`;
}

function fillForm(told) {
  for (const [name, control] of Object.entries(controls)) {
    const given = told.getAll(`f.${name}`);
    control.value = control instanceof Items ? given : given[0];
  }
  find("#prompt").value = told.get("prompt") ?? "";
  for (const [name, short] of Object.entries(SETTINGS)) if (told.has(short)) find(`#${name}`).value = told.get(short);
  find("#seed").value = told.get("seed") ?? "";
  showSettings();
  if (!told.has("seed")) return;
  if (told.has("model") && told.get("model") !== model.model) say("otherModel", { model: told.get("model") });
  else say("fromLink");
}

// --- the server

class Problem extends Error {
  constructor(name, message = "") {
    super(message);
    this.name = name;
  }
}

async function ask(path, request) {
  let answer;
  try {
    answer = await fetch(new URL(path, location.href), request);
  } catch {
    throw new Problem("Offline");
  }
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  throw new Problem(body.error ?? (answer.status === 429 ? "Busy" : "Other"), body.message ?? `HTTP ${answer.status}`);
}

async function order(card) {
  const headers = { "Content-Type": "application/json" };
  const taken = await ask("page/tweets", { method: "POST", headers, body: JSON.stringify(card.request) });
  let last = "";
  let since = Date.now();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    const state = await ask(`page/tweets/${taken.order}`).catch((error) => {
      if (error.name === "Busy" || error.name === "Offline") return card.state; // looked for once more
      throw error;
    });
    if (state.state === "failed") throw new Problem(state.error, state.message);
    const now = JSON.stringify(state);
    if (now !== last) [last, since] = [now, Date.now()];
    card.state = state;
    paint();
    if (state.state === "done") return;
    if (Date.now() - since > PATIENCE) throw new Problem("Silent");
  }
}

async function write(card, place) {
  hideProblem();
  cards = [...cards.slice(0, place), card];
  busy(true);
  say("writing");
  find("#written").hidden = false;
  paint();
  find("#cards").scrollIntoView({ block: "nearest" });
  try {
    await order(card);
    say("done", { text: card.state.tweet.text });
  } catch (error) {
    cards = cards.filter((one) => one !== card);
    complain(error);
    paint();
  }
  busy(false);
  find("#written").hidden = cards.length === 0;
  prepareComparison();
}

function busy(is) {
  for (const button of document.querySelectorAll("#write, #compare button")) button.disabled = is;
}

// --- what is shown

function paint() {
  find("#cards").replaceChildren(...cards.map(shown));
}

function shown(card) {
  const { state, tweet } = card.state;
  const element = make("article", { className: "card" }, asked(card), make("p", { className: "badge" }, word("badge")));
  element.setAttribute("aria-busy", String(state !== "done"));
  if (state === "done") element.append(...finished(card, tweet));
  else element.append(...underWay(card.state));
  return element;
}

function asked({ request, changed }) {
  const parts = Object.entries(request.inputs).map(([name, value]) => {
    if (name === "prompt") return make("span", {}, word("begins", { text: value }));
    const shownValue = [value].flat().map((item) => valueName(name, item)).join(", ");
    return make(name === changed ? "strong" : "span", {}, `${fieldName(name)}: ${shownValue}`);
  });
  if (changed && !(changed in request.inputs)) parts.push(make("strong", {}, `${fieldName(changed)}: ${word("any")}`));
  const line = make("p", { className: "asked" });
  line.append(...(parts.length ? parts : [word("nothing")]).flatMap((part, index) => (index ? [" · ", part] : [part])));
  return line;
}

function underWay({ state, tokens, longest, text }) {
  if (state === "queued" || !tokens) return [make("p", {}, word("waiting"))];
  // Read aloud only once it is finished.
  if (text) return [make("blockquote", { className: "caret", lang: "es" }, text)];
  const told = word("progress", { tokens: number(tokens), longest: number(longest) });
  return [make("p", {}, told), make("progress", { max: longest, value: tokens, ariaLabel: told })];
}

function finished(card, tweet) {
  const { request } = card;
  const link = new URL(toFragment(request), location.href).href;
  const field = make("input", { id: `link-${cards.indexOf(card)}`, readOnly: true, value: link });
  const copy = make("button", { type: "button" }, word("copy"));
  copy.addEventListener("click", () => copyFrom(field));
  const again = make("button", { type: "button" }, word("again"));
  again.addEventListener("click", () => {
    find("#seed").value = "";
    start({ ...request, parameters: { ...request.parameters, seed: Math.floor(Math.random() * SEEDS) } });
  });
  const found = [
    ...tweet.said.map(({ item }) => make("li", { className: "yes" }, `✓ ${word("says", { item })}`)),
    ...tweet.unsaid.map(({ item }) => make("li", { className: "no" }, `✗ ${word("saysNot", { item })}`)),
  ];
  const { seed, ...settings } = request.parameters;
  const numbers = Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, number(value)]));
  return [
    make("blockquote", { lang: "es" }, ...marked(tweet)),
    found.length ? make("ul", { className: "found" }, ...found) : null,
    model.fields.some(({ name, many }) => !many && name in request.inputs) ? make("p", { className: "hint" }, word("notJudged")) : null,
    tweet.ended ? null : make("p", { className: "hint" }, word("cut")),
    make("p", { className: "facts" }, word("facts", { model: tweet.model, seed: String(seed), ...numbers })),
    make("label", { htmlFor: field.id }, word("link")),
    field,
    make("div", { className: "actions" }, copy, again),
  ].filter((part) => part !== null);
}

function marked({ text, marks }) {
  const letters = Array.from(text); // as the server counts them
  const parts = [];
  let at = 0;
  for (const [from, to] of marks) {
    if (from < at) continue; // two things that were asked for overlap
    parts.push(letters.slice(at, from).join(""), make("mark", {}, letters.slice(from, to).join("")));
    at = to;
  }
  return [...parts, letters.slice(at).join("")].filter((part) => part !== "");
}

async function copyFrom(field) {
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.select(); // where a page may not write there, its visitor may
    return;
  }
  say("copied");
}

// --- one thing changed

function prepareComparison() {
  const first = cards[0];
  find("#compare").hidden = first?.state.state !== "done";
  if (find("#compare").hidden) return;
  const chosen = find("#changed").value;
  find("#changed").replaceChildren(...model.fields.map(({ name }) => make("option", { value: name }, fieldName(name))));
  if (chosen) find("#changed").value = chosen;
  offerOther();
}

function offerOther() {
  const field = model.fields.find(({ name }) => name === find("#changed").value);
  const now = cards[0].request.inputs[field.name] ?? "";
  const other = field.values.length && !field.many
    ? make("select", { id: "other" }, ...options(field).filter((option) => option.value !== now))
    : make("input", { id: "other", autocomplete: "off", value: [now].flat().join(", ") });
  find("#other-place").replaceChildren(other);
}

function startOther() {
  const name = find("#changed").value;
  const field = model.fields.find((one) => one.name === name);
  const text = find("#other").value;
  const value = field.many ? text.split(",").map((item) => spelled(field, item)).filter(Boolean) : text.trim();
  const { [name]: _, ...rest } = cards[0].request.inputs;
  const inputs = value.length ? { ...rest, [name]: value } : rest;
  const ordered = Object.fromEntries([...model.fields.map((one) => one.name), "prompt"].filter((one) => one in inputs).map((one) => [one, inputs[one]]));
  write({ request: { ...cards[0].request, inputs: ordered }, changed: name, state: { state: "queued" } }, 1);
}

function start(request) {
  history.replaceState(null, "", toFragment(request));
  write({ request, state: { state: "queued" } }, 0);
}

// --- begin

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    speak(button.dataset.language);
    if (model) prepareComparison();
  });
}
for (const name of Object.keys(SETTINGS)) find(`#${name}`).addEventListener("input", showSettings);
find("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!find("#write").disabled) start(readForm());
});
find("#changed").addEventListener("change", offerOther);
find("#compare").addEventListener("submit", (event) => {
  event.preventDefault();
  startOther();
});

async function begin() {
  const told = new URLSearchParams(location.hash.slice(1));
  speak(told.get("lang") ?? "es");
  try {
    model = await ask("page/model");
  } catch (error) {
    complain(error);
    return;
  }
  build();
  speak(language);
  fillForm(told);
  find("#write").disabled = false;
}

begin();
