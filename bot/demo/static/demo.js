// The page around the channel: draws the state from /demo/world and posts to /demo/… to change it.

const $ = (id) => document.getElementById(id);
const POLL_MILLISECONDS = 1000;
const SAID_MILLISECONDS = 6000;
const COLOURS = ["#5865f2", "#3b82c4", "#c2570c", "#0f8a6c", "#a3379b", "#64748b"];
const SIGNS = { text: "#", voice: "🔊" };

let drawn = "";
let frame = "";
let saidTimer = 0;
let asking = 0;
let asked = 0;
let answered = 0; // Answers can arrive in another order: what's older than what is drawn isn't drawn.

/** Create an element with properties and children. Strings are inserted as text, never as HTML. */
function make(tag, properties = {}, ...children) {
  const { data = {}, aria = {}, ...plain } = properties;
  const element = Object.assign(document.createElement(tag), plain);
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function badge(count) {
  return count ? make("span", { className: "badge", title: `${count} unread` }, String(count)) : null;
}

function say(sentence) {
  $("said").textContent = sentence;
  $("said").hidden = false;
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => { $("said").hidden = true; }, SAID_MILLISECONDS);
}

async function ask(path, body) {
  const focused = document.activeElement;
  asking += 1;
  const turn = ++asked;
  const jump = path === "/demo/jump";
  if (jump) $("waiting").hidden = false;
  for (const button of document.querySelectorAll("[data-minutes]")) button.disabled = true;
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    const value = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : {};
    if (answer.ok && turn > answered) {
      answered = turn;
      draw(value);
    } else if (!answer.ok) say(value.sentence ?? "That didn't work. Try again.");
  } catch {
    say("The demo isn't responding. Is it still running in the terminal?");
  } finally {
    asking -= 1;
    if (!asking) {
      $("waiting").hidden = true;
      for (const button of document.querySelectorAll("[data-minutes]")) button.disabled = false;
      if (document.activeElement === document.body && focused?.isConnected) focused.focus();
    }
  }
}

function drawTour(world) {
  const { tour, person, people } = world;
  const at = tour.findIndex((step) => !step.done);
  const name = (key) => people.find((one) => one.key === key).name;
  const step = tour[at];
  $("tour-count").textContent = `${tour.filter((one) => one.done).length} of ${tour.length}`;
  $("tour-title").textContent = step ? `${at + 1} · As ${name(step.person)}: ${step.title}` : "You've finished the tour 🎉";
  $("tour-detail").textContent = step ? step.detail : "The academy is yours: apply, book, jump through time, break things.";
  $("tour-become").hidden = !step || step.person === person;
  if (step) {
    $("tour-become").textContent = `Switch to ${name(step.person)}`;
    $("tour-become").dataset.key = step.person;
  }
  $("tour-steps").replaceChildren(...tour.map((one, index) => make("li", {
    className: one.done ? "done" : index === at ? "current" : "",
  }, `${name(one.person)}: ${one.title}`)));
}

function drawPeople(world) {
  $("people").replaceChildren(...world.people.map((one, index) => {
    const face = make("span", { className: "face", aria: { hidden: "true" } }, one.name[0]);
    face.style.background = COLOURS[index % COLOURS.length];
    const chosen = one.key === world.person;
    const button = make("button", {
      type: "button", id: `person-${one.key}`, tabIndex: chosen ? 0 : -1, data: { key: one.key },
      aria: { checked: String(chosen) },
    }, face, make("span", { className: "name" }, one.name, " ", make("span", { className: "part" }, one.part)), badge(one.unread));
    button.setAttribute("role", "radio");
    return button;
  }));
}

function channelLine(world, one) {
  const open = make("button", {
    type: "button", id: `place-${one.id}`, className: "open", data: { place: one.id },
    aria: { current: String(one.id === world.place) },
  }, make("span", { className: "sign", aria: { hidden: "true" } }, one.sign ?? SIGNS[one.kind]),
  make("span", { className: "name" }, one.name), badge(one.unread));
  const line = make("div", { className: `line ${one.kind}${one.unread ? " unread" : ""}` }, open);
  if (one.kind === "voice" && (one.may_join || one.joined)) {
    line.append(make("button", {
      type: "button", id: `voice-${one.id}`, className: `join${one.joined ? " leave" : ""}`,
      data: { voice: one.joined ? "" : one.id },
    }, one.joined ? "Leave" : "Join"));
  }
  const item = make("li", { className: one.parent ? "nested" : "" }, line);
  if (one.inside?.length) item.append(make("div", { className: "inside" }, `🎧 ${one.inside.join(", ")}`));
  return item;
}

function drawChannels(world) {
  const top = world.channels.filter((one) => !one.parent);
  const lines = top.flatMap((one) => one.kind === "category"
    ? [make("li", { className: "category" }, one.name),
      ...world.channels.filter((inner) => inner.parent === one.id).map((inner) => channelLine(world, inner))]
    : [channelLine(world, one)]);
  $("channels").replaceChildren(...lines);
  $("direct").replaceChildren(channelLine(world, { ...world.direct, kind: "text", sign: "✉", name: "Coaching" }));
}

function drawBar(world) {
  const you = world.people.find((one) => one.key === world.person);
  const elsewhere = world.channels.reduce((sum, one) => sum + (one.unread || 0), world.direct.unread);
  $("menu-you").textContent = you.name;
  $("menu-unread").textContent = String(elsewhere);
  $("menu-unread").title = `${elsewhere} unread`;
  $("menu-unread").hidden = !elsewhere;
  $("menu").setAttribute("aria-label", `${you.name}: people and channels${elsewhere ? `, ${elsewhere} unread` : ""}`);
  $("bar-clock").textContent = world.clock.replace(/ \d{4},/, ",");
  $("tabs").textContent = `The demo is open in ${world.tabs} tabs. They all show the same person and the same channel.`;
  $("tabs").hidden = world.tabs < 2;
}

function draw(world) {
  if (world.starting) return;
  $("starting").hidden = true;
  if (world.frame !== frame) {
    frame = world.frame;
    // Create a new element: changing only the address's fragment wouldn't reload the page.
    $("discord").replaceWith(make("iframe", { id: "discord", title: "Selected channel", src: frame }));
  }
  const text = JSON.stringify(world);
  if (text === drawn) return;
  drawn = text;
  const focused = document.activeElement?.id;
  $("server").textContent = world.server;
  drawBar(world);
  drawTour(world);
  drawPeople(world);
  drawChannels(world);
  $("clock").textContent = world.clock;
  $("next").textContent = world.next ? `Next event ${world.next === "now" ? "now" : `in ${world.next}`} · ${world.zone}` : `Nothing coming up · ${world.zone}`;
  $("fault-list").replaceChildren(...world.faults.map((line) => make("li", {}, line)));
  $("faults").hidden = !world.faults.length;
  if (focused && document.activeElement?.id !== focused) $(focused)?.focus();
}

function openMenu(open) {
  $("scrim").hidden = !open;
  $("side").classList.toggle("open", open);
  $("menu").setAttribute("aria-expanded", String(open));
  if (open) $("people").querySelector("[aria-checked=true]")?.focus();
  else if ($("side").contains(document.activeElement)) $("menu").focus();
}

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button") : null;
  if (event.target === $("scrim")) openMenu(false);
  if (!button) return;
  const { key, place, voice, minutes } = button.dataset;
  if (button.id === "close-menu") openMenu(false);
  else if (button.id === "menu") openMenu(!$("side").classList.contains("open"));
  else if (key !== undefined) { openMenu(false); void ask("/demo/person", { key }); }
  else if (place !== undefined) { openMenu(false); void ask("/demo/place", { id: place }); }
  else if (voice !== undefined) { openMenu(false); void ask("/demo/voice", { id: voice || null }); }
  else if (minutes !== undefined) { openMenu(false); void ask("/demo/jump", minutes ? { minutes: Number(minutes) } : {}); }
});

// People are radio buttons: choose with the arrow keys.
$("people").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  const buttons = [...$("people").querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  if (!step || at < 0) return;
  event.preventDefault();
  const next = buttons[(at + step + buttons.length) % buttons.length];
  next.focus();
  next.click();
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") openMenu(false); });

/** Write in the channel: its message box is inside the frame. */
$("write").addEventListener("click", (event) => {
  event.preventDefault();
  $("discord").focus();
  $("discord").contentWindow.postMessage("write", location.origin);
});

/** Ask for the world. Only what is on the screen counts as seen. */
async function look() {
  const visible = document.visibilityState === "visible" && $("scrim").hidden;
  const turn = asked;
  const changing = asking > 0;
  try {
    const answer = await fetch(`/demo/world${visible ? "?looking" : ""}`);
    const world = answer.ok ? await answer.json() : null;
    if (world && !changing && turn === asked) draw(world); // Otherwise it may be from before a change.
  } catch {
    say("The demo isn't responding. Is it still running in the terminal?");
  }
}
async function poll() {
  await look();
  setTimeout(poll, POLL_MILLISECONDS);
}
// The channel changed: maybe a step of the tour is done.
window.addEventListener("message", (event) => {
  if (event.origin === location.origin && event.data === "changed") void look();
});
void poll();
// Open as long as this tab is. The demo stops when the last one closes.
const here = new WebSocket(`ws://${location.host}/demo/here`);
window.addEventListener("pagehide", () => here.close());
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
