'use strict';

// Browsers open six connections to one server. One is for what is asked about the streams, and one for single pictures.
const MOST_LIVE = 4;
const MOST_AT_ONCE = 120;
const POLL = 2000;
const POLL_MANY = 5000;
// Whoever waits so long for an answer waits for a connection.
const PATIENCE = 5000;
// A tile without a connection of its own gets a new picture no more often than this.
const REFRESH = 1000;
const TILE_RATE = 12;
// What does not work is tried again after so long, at first and at most.
const FIRST_RETRY = 4000;
const LAST_RETRY = 60000;
// So long a stream that is away keeps the connection by which it may come back.
const ABSENCE = 20000;
// A live picture that has not changed for so long may have lost its connection.
const FROZEN = 10000;

const now = () => performance.now();
const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
const $ = (id) => document.getElementById(id);
// Not from the page's own address: that may have a password in it, with which nothing can be asked for.
const absolute = (path) => new URL(path, location.origin).href;

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// ---- What is said of a stream ----

function count(number, one, many) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

function span(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 100) * 10} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}

function clockTime(seconds) {
  const whole = Math.ceil(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] > 0 ? parts : parts.slice(1);
  return shown.map((part, at) => (at > 0 ? String(part).padStart(2, '0') : part)).join(':');
}

function size(bytes) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const at = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const amount = bytes / 1000 ** at;
  return `${at > 0 && amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${units[at]}`;
}

const moment = (seconds) => new Date(seconds * 1000).toLocaleString([], { dateStyle: 'medium', timeStyle: 'medium' });

function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

// Streams of other machines of a cluster have these before their own names.
const isFar = (info) => info.node !== undefined && info.name.startsWith(`${info.node}/`);
const ownName = (info) => (isFar(info) ? info.name.slice(info.node.length + 1) : info.name);

const isFilm = (info) => info.live !== true;
const isReady = (info) => info.state === 'ready' || info.state === undefined;
// Single pictures do as well, and hold no connection.
const isSlow = (info) => !(info.rate >= 1);
// It gives pictures, or may give some when it is asked for them.
const mayShow = (info) => isReady(info) || info.state === 'idle' || info.state === 'starting';

function isLate(info) {
  return !isFilm(info) && isReady(info) && info.age > 5 && !(info.age * info.rate < 3);
}

function facts(info, isFull) {
  const said = [];
  if (info.viewers !== undefined) said.push(count(info.viewers, 'viewer', 'viewers'));
  if (info.rate) said.push(`${info.rate >= 10 ? Math.round(info.rate) : info.rate.toFixed(1)} pictures/s`);
  // That nothing is lost is worth the room in full alone.
  if (info.loss > 0 || (isFull && info.loss === 0)) said.push(`${info.loss > 0 ? (info.loss * 100).toFixed(1) : 0} % lost`);
  if (isFull && info.width) said.push(`${info.width} × ${info.height}`);
  if (isFull && info.length) said.push(`${clockTime(info.length)} long`);
  if (info.age !== undefined && info.age !== null) {
    said.push(isReady(info) ? `${isFull ? 'newest picture ' : ''}${span(info.age)} old` : `last picture ${span(info.age)} ago`);
  }
  if (info.recording?.running) said.push('recorded');
  return said.join(' · ');
}

function wrong(info) {
  return [amiss(info), unrecorded(info)].filter((text) => text !== '').join(' ');
}

function unrecorded(info) {
  if (!info.recording || info.recording.running) return '';
  return sentence(`it is not recorded now: ${info.recording.trouble}`);
}

function amiss(info) {
  if (info.absence && info.state !== 'idle') return sentence(info.absence);
  if (info.absence) return `It failed the last time: ${sentence(info.absence)}`;
  if (isLate(info)) return `There has been no new picture for ${span(info.age)}.`;
  return '';
}

// What is written over the picture.
function cover(info, hasPicture, hasFailed) {
  switch (info.state) {
    case 'absent':
      return 'No picture';
    case 'over':
      return 'It has ended';
    case 'starting':
      return hasPicture ? '' : 'Starting …';
    case 'idle':
      if (info.absence) return 'No picture';
      return hasPicture ? '' : 'It starts when somebody watches';
    default:
      if (hasPicture) return '';
      return hasFailed ? 'The picture cannot be had now' : 'Loading …';
  }
}

// ---- What shows pictures ----

const sample = document.createElement('canvas');
[sample.width, sample.height] = [24, 18];
const sampler = sample.getContext('2d', { willReadFrequently: true });

// An image, and behind it the last one, so that nothing flickers while another is loaded or none comes.
class Screen {
  // `handleChange` is called when there is a picture, or none.
  constructor(root, handleChange) {
    this.handleChange = handleChange;
    this.canvas = root.querySelector('canvas');
    this.image = root.querySelector('img');
    this.hasPicture = false;
    // What the image shows now: nothing, single pictures, or all of them.
    this.mode = 'nothing';
    this.image.addEventListener('error', () => this.settle(false));
    this.image.addEventListener('load', () => this.settle(true));
  }

  start(mode, url) {
    this.freeze();
    [this.mode, this.since, this.seen, this.changed] = [mode, now(), '', now()];
    this.image.hidden = false;
    this.image.src = absolute(url);
    return new Promise((resolve) => {
      this.settled = resolve;
    });
  }

  settle(isLoaded) {
    if (this.mode === 'nothing') return;
    if (isLoaded) this.hasPicture = true;
    this.image.hidden = !isLoaded;
    this.settled?.(isLoaded);
    this.settled = undefined;
    this.handleChange();
  }

  // Ends the image's connection. What it showed last is kept.
  stop() {
    if (this.mode === 'nothing') return;
    this.freeze();
    this.mode = 'nothing';
    this.image.hidden = true;
    this.image.removeAttribute('src');
    this.settled?.(false);
    this.settled = undefined;
  }

  freeze() {
    const { canvas, image } = this;
    if (image.hidden || !image.naturalWidth) return;
    if (canvas.width !== image.naturalWidth) canvas.width = image.naturalWidth;
    if (canvas.height !== image.naturalHeight) canvas.height = image.naturalHeight;
    try {
      canvas.getContext('2d').drawImage(image, 0, 0);
    } catch {
      // The picture is broken; the one before it stays.
    }
  }

  forget() {
    this.stop();
    this.canvas.width = this.canvas.width;
    this.hasPicture = false;
  }

  // For how long the image has been the same.
  frozenFor() {
    if (this.image.naturalWidth) {
      // Not every browser tells that the first of many pictures is there.
      this.settle(true);
      try {
        sampler.drawImage(this.image, 0, 0, sample.width, sample.height);
        const seen = sampler.getImageData(0, 0, sample.width, sample.height).data.join();
        if (seen !== this.seen) [this.seen, this.changed] = [seen, now()];
      } catch {
        this.changed = now();
      }
    }
    return now() - this.changed;
  }
}

// Something that plays a stream as long as it may, and tries again.
class Playing {
  constructor(screen) {
    this.screen = screen;
    this.reset();
  }

  reset() {
    [this.notBefore, this.failures, this.calm, this.absentSince] = [0, 0, 1, undefined];
  }

  fail() {
    this.screen.stop();
    this.notBefore = now() + Math.min(FIRST_RETRY * 2 ** this.failures, LAST_RETRY);
    this.failures += 1;
  }

  play(info, url) {
    if (this.screen.mode === 'live') return;
    this.screen.start('live', url).then((isLoaded) => {
      if (isLoaded) this.failures = 0;
      else if (this.screen.mode === 'live') this.fail();
    });
  }

  // Whether it may have a connection.
  mayPlay(info) {
    if (info.state !== 'absent') this.absentSince = undefined;
    if (mayShow(info)) return now() >= this.notBefore;
    if (this.screen.mode !== 'live' || info.state !== 'absent') return false;
    this.absentSince ??= now();
    if (now() - this.absentSince < ABSENCE) return true;
    this.fail();
    return false;
  }

  // Lets go of a connection that has been lost without a word.
  check(info) {
    if (this.screen.mode !== 'live' || isFilm(info)) return;
    const frozen = this.screen.frozenFor();
    const isCut = info.viewers === 0 && now() - this.screen.since > PATIENCE;
    const isFrozen = isReady(info) && !isLate(info) && frozen > FROZEN * this.calm;
    if (isCut || isFrozen) {
      // A camera may also look at something that does not move.
      this.calm = isFrozen ? Math.min(this.calm * 2, 32) : this.calm;
      this.screen.stop();
    } else if (frozen < POLL) {
      this.calm = 1;
    }
  }
}

// ---- Tiles ----

class Tile {
  constructor(info) {
    this.element = $('tile').content.firstElementChild.cloneNode(true);
    this.link = this.element.querySelector('.picture');
    this.screen = new Screen(this.link, () => this.draw());
    this.playing = new Playing(this.screen);
    this.isVisible = false;
    this.isPointed = false;
    this.refreshed = -Infinity;
    this.element.tile = this;
    this.link.href = `#${encodeURIComponent(info.name)}`;
    this.link.setAttribute('aria-label', info.name);
    this.element.querySelector('h2').title = info.name;
    for (const [event, isPointed] of [['pointerenter', true], ['pointerleave', false], ['focusin', true], ['focusout', false]]) {
      this.element.addEventListener(event, () => {
        this.isPointed = isPointed;
        arrange();
      });
    }
    watcher.observe(this.element);
    this.update(info);
  }

  update(info) {
    const wasReady = this.info === undefined || isReady(this.info);
    this.info = info;
    // It is back.
    if (!wasReady && isReady(info)) [this.playing.notBefore, this.refreshed] = [0, -Infinity];
    this.playing.check(info);
    write(this.element.querySelector('h2'), ownName(info));
    write(this.element.querySelector('.facts'), facts(info, false));
    write(this.element.querySelector('.wrong'), wrong(info));
    const badge = this.element.querySelector('.badge');
    badge.hidden = isFilm(info) ? !info.length : !isReady(info);
    badge.toggleAttribute('data-live', !isFilm(info));
    write(badge, isFilm(info) ? clockTime(info.length ?? 0) : 'Live');
    this.draw();
  }

  draw() {
    const text = cover(this.info, this.screen.hasPicture, this.playing.failures > 0);
    write(this.element.querySelector('.cover'), text);
    this.link.toggleAttribute('data-loading', text.endsWith('…'));
  }

  get width() {
    return Math.max(160, Math.round(this.link.clientWidth * Math.min(devicePixelRatio, 2)));
  }

  play() {
    this.playing.play(this.info, `${this.info.video}?width=${this.width}&rate=${TILE_RATE}`);
  }

  // Gives back its connection.
  rest() {
    if (this.screen.mode === 'live') this.screen.stop();
  }

  // When it wants its next single picture.
  get due() {
    const isWanted = this.isVisible && this.screen.mode !== 'live' && mayShow(this.info);
    if (!isWanted) return Infinity;
    const next = isFilm(this.info) && this.screen.hasPicture ? Infinity : this.refreshed + REFRESH;
    return Math.max(next, this.playing.notBefore);
  }

  async refresh() {
    this.refreshed = now();
    const url = `${this.info.snapshot}?width=${this.width}&at=${Math.round(performance.timeOrigin + now())}`;
    const isLoaded = await Promise.race([this.screen.start('single', url), sleep(PATIENCE)]);
    if (isLoaded) this.playing.failures = 0;
    else if (this.screen.mode === 'single') this.playing.fail();
    this.draw();
  }

  remove() {
    this.screen.stop();
    watcher.unobserve(this.element);
    this.element.remove();
  }
}

const tiles = new Map();
let watcher;
// How many tiles may have connections of their own.
let budget = MOST_LIVE;

// Decides which tiles have connections of their own: those that are seen, and first of all the one that is pointed at.
function arrange() {
  const isShown = !document.hidden && !full.isOpen;
  const wanted = isShown ? [...tiles.values()].filter((tile) => tile.isVisible && tile.playing.mayPlay(tile.info)) : [];
  const live = wanted.filter((tile) => (isFilm(tile.info) ? tile.isPointed : !isSlow(tile.info)));
  live.sort((a, b) => Number(b.isPointed) - Number(a.isPointed));
  const chosen = new Set(live.slice(0, budget));
  // Connections are given back before others are opened.
  for (const tile of tiles.values()) if (!chosen.has(tile)) tile.rest();
  for (const tile of chosen) tile.play();
  for (const tile of tiles.values()) tile.draw();
}

// Single pictures for the other tiles that are seen, one after the other, the one first that has waited longest.
async function refreshInTurn() {
  for (;;) {
    const isShown = !document.hidden && !full.isOpen && !isAway;
    const waiting = isShown ? [...tiles.values()].filter((tile) => tile.due <= now()) : [];
    const next = waiting.reduce((a, b) => (a && a.refreshed <= b.refreshed ? a : b), undefined);
    if (next) await next.refresh();
    await sleep(next ? 10 : 150);
  }
}

// ---- One stream in full ----

const full = {
  isOpen: false,

  open(name) {
    const tile = tiles.get(name);
    if (!tile) return;
    const isOther = this.name !== name;
    [this.name, this.isOpen] = [name, true];
    if (isOther) {
      this.screen.forget();
      this.playing.reset();
      recordings.open(tile.info);
    }
    if (!$('full').open) $('full').showModal();
    if (isOther) $('full').scrollTop = 0;
    document.title = `${name} – Mutoscope`;
    write($('full-name'), name);
    $('full-name').title = name;
    addresses(tile.info);
    this.update(tile.info);
    arrange();
  },

  close() {
    if (!this.isOpen) return;
    [this.isOpen, this.name] = [false, undefined];
    this.screen.forget();
    recordings.close();
    document.title = 'Mutoscope';
    if ($('full').open) $('full').close();
    if (location.hash) history.replaceState(null, '', location.pathname);
    arrange();
  },

  update(info) {
    if (isReady(info) && !isReady(this.info ?? info)) this.playing.notBefore = 0;
    this.info = info;
    this.playing.check(this.shown);
    const dialog = $('full');
    write(dialog.querySelector('.facts'), recordings.played ? recordings.words(recordings.played) : facts(info, true));
    write(dialog.querySelector('.wrong'), wrong(info));
    recordings.update(info);
    $('again').hidden = !isFilm(this.shown);
    $('live').hidden = !recordings.played;
    const order = [...tiles.keys()];
    $('previous').disabled = order[0] === this.name;
    $('next').disabled = order[order.length - 1] === this.name;
    $('save').href = absolute(this.shown.snapshot);
    $('save').download = `${this.name.replaceAll('/', '-')}.jpg`;
    this.draw();
  },

  // What is played: the stream, or one of its recordings.
  get shown() {
    return recordings.played ?? this.info;
  },

  draw() {
    if (!this.isOpen) return;
    if (document.hidden) this.screen.stop();
    else if (this.playing.mayPlay(this.shown)) this.playing.play(this.shown, this.shown.video);
    const text = cover(this.shown, this.screen.hasPicture, this.playing.failures > 0);
    write($('screen').querySelector('.cover'), text);
    $('screen').toggleAttribute('data-loading', text.endsWith('…'));
  },

  move(by) {
    const order = [...tiles.keys()];
    const name = order[order.indexOf(this.name) + by];
    if (name !== undefined) location.replace(`#${encodeURIComponent(name)}`);
  },

  again() {
    this.screen.stop();
    this.playing.reset();
    this.draw();
  },
};

// ---- What is recorded of the stream that is shown in full ----

const RECORDINGS_AT_ONCE = 20;
const RECORDINGS_POLL = 10000;

const recordings = {
  rows: new Map(),

  open(info) {
    [this.name, this.played, this.count, this.asked] = [info.name, undefined, RECORDINGS_AT_ONCE, -Infinity];
    this.rows.clear();
    $('recordings').querySelector('ul').replaceChildren();
    $('recordings').hidden = true;
  },

  close() {
    [this.name, this.played] = [undefined, undefined];
  },

  // Streams that are not recorded have nothing to be asked for.
  update(info) {
    if (!info.recording) {
      $('recordings').hidden = true;
      return;
    }
    const { running, frames, dropped } = info.recording;
    const said = [running ? 'It is being recorded.' : unrecorded(info)];
    if (dropped > 0) said.push(`${count(dropped, 'picture is', 'pictures are')} missing of ${(frames + dropped).toLocaleString('en')}.`);
    write($('recordings').querySelector('p'), said.join(' '));
    $('recordings').hidden = false;
    if (now() - this.asked >= RECORDINGS_POLL) this.ask(info);
  },

  async ask(info) {
    this.asked = now();
    const url = info.video.replace(/^\/streams\//, '/api/streams/').replace(/stream\.mjpg$/, `recordings?count=${this.count}`);
    try {
      const reply = await fetch(absolute(url), { signal: AbortSignal.timeout(PATIENCE), cache: 'no-store' });
      if (reply.ok) this.show(await reply.json());
    } catch {
      // It is asked for again.
    }
  },

  show({ stream, recordings: all, total }) {
    if (stream !== this.name) return;
    const before = new Map(this.rows);
    this.rows.clear();
    all.forEach((recording, at) => {
      // The newest one grows.
      const info = { ...recording, live: false, isOpen: at === 0 && recording.length === null };
      const row = before.get(info.name) ?? this.row(info);
      before.delete(info.name);
      if (this.played?.name === info.name) this.played = info;
      write(row.querySelector('.play'), moment(info.begin));
      write(row.querySelector('span'), this.extent(info));
      row.querySelector('.play').setAttribute('aria-pressed', String(this.played?.name === info.name));
      row.info = info;
      this.rows.set(info.name, row);
      const list = $('recordings').querySelector('ul');
      if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
    });
    for (const row of before.values()) row.remove();
    $('older').hidden = total <= all.length;
  },

  row(info) {
    const row = $('recording').content.firstElementChild.cloneNode(true);
    const [play, file] = [row.querySelector('.play'), row.querySelector('a')];
    play.title = 'Play this recording';
    play.addEventListener('click', () => this.play(row.info));
    file.href = absolute(info.file);
    file.setAttribute('aria-label', `Download the recording of ${moment(info.begin)}`);
    return row;
  },

  extent(info) {
    const length = info.isOpen ? 'not ended yet' : 'not ended as it should';
    return [info.length === null ? length : clockTime(info.length), size(info.bytes)].join(' · ');
  },

  words: (info) => `Recording of ${moment(info.begin)} · ${recordings.extent(info)}`,

  // `info`: what is to be played; nothing: the live pictures.
  play(info) {
    this.played = info;
    for (const row of this.rows.values()) {
      row.querySelector('.play').setAttribute('aria-pressed', String(row.info.name === info?.name));
    }
    full.screen.forget();
    full.playing.reset();
    full.update(full.info);
    if (info) $('full').scrollTop = 0;
  },

  older() {
    this.count += RECORDINGS_AT_ONCE;
    this.ask(full.info);
  },
};

// The host of an address in brackets as this page was reached by: that one is known to work.
function here(address) {
  const url = /^([a-z]+:\/\/)(?:\[[^\]]*\]|[^:/]*)(.*)$/.exec(address);
  return url ? `${url[1]}${location.hostname}${url[2]}` : address;
}

// As a word of a command: shells mean something else by brackets.
const word = (url) => (/^[\w:/.%~@=-]+$/.test(url) ? url : `'${url}'`);

function addresses(info) {
  const rtsp = info.rtsp.length > 0 ? here(info.rtsp[0]) : undefined;
  const players = rtsp
    ? [
        ['VLC', `vlc --network-caching=100 ${word(rtsp)}`],
        ['ffplay', `ffplay -fpsprobesize 0 -fflags nobuffer -flags low_delay ${word(rtsp)}`],
        ['Mutoscope’s player', `player-sdl ${word(rtsp)}`],
        ['Any other player', rtsp],
      ]
    : [];
  players.push(['In web pages, OctoPrint, Mainsail', absolute(info.video)], ['One picture', absolute(info.snapshot)]);
  show($('players'), players);
  show($('home'), [
    ['MJPEG URL (mjpeg_url)', absolute(info.video)],
    ['Still image URL (still_image_url)', absolute(info.snapshot)],
  ]);
}

function show(list, rows) {
  const made = rows.map(([title, text]) => {
    const row = $('address').content.firstElementChild.cloneNode(true);
    row.querySelector('h4').textContent = title;
    row.querySelector('code').textContent = text;
    const button = row.querySelector('button');
    button.setAttribute('aria-label', `Copy: ${title}`);
    button.addEventListener('click', async () => {
      button.textContent = (await copy(text, row)) ? 'Copied' : 'Not copied';
      await sleep(1500);
      button.textContent = 'Copy';
    });
    return row;
  });
  list.replaceChildren(...made);
}

async function copy(text, place) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers have no clipboard for pages that came without encryption.
    const field = document.createElement('textarea');
    field.value = text;
    field.readOnly = true;
    field.className = 'aside';
    place.append(field);
    const focused = document.activeElement;
    field.select();
    const isCopied = document.execCommand('copy');
    field.remove();
    focused?.focus();
    return isCopied;
  }
}

// ---- What the server says ----

let isAway = false;
let began;
let wantedCount = MOST_AT_ONCE;
let troubleFree = 0;
// There are more streams than were told.
let isPart = false;
// After so many answers another connection is dared.
let regain = 30;

function trouble(text) {
  $('trouble').hidden = text === '';
  write($('trouble'), text);
}

async function poll() {
  let answer;
  try {
    const sought = $('search').value.trim();
    const query = [`count=${wantedCount}`];
    // Of what is here already, the page finds it by itself.
    if (sought !== '' && isPart) query.push(`find=${encodeURIComponent(sought)}`);
    if ($('node').value !== '') query.push(`node=${encodeURIComponent($('node').value)}`);
    const url = absolute(`/api/streams?${query.join('&')}`);
    const reply = await fetch(url, { signal: AbortSignal.timeout(PATIENCE), cache: 'no-store' });
    if (reply.status === 401 || reply.status === 403) {
      handleAway('You may not see the streams any more. Reload the page to log in.');
      return;
    }
    if (!reply.ok) throw new Error(String(reply.status));
    answer = await reply.json();
  } catch (error) {
    troubleFree = 0;
    // Another page of this server may have taken the connections that there are.
    if (error.name === 'TimeoutError' && budget > 0) {
      budget = Math.floor(budget / 2);
      regain *= 2;
      arrange();
      return;
    }
    handleAway('The server does not answer. This page goes on as soon as it does.');
    return;
  }
  troubleFree += 1;
  if (troubleFree % regain === 0) budget = Math.min(budget + 1, MOST_LIVE);
  const isNew = isAway || (began !== undefined && began !== answer.began);
  [isAway, began] = [false, answer.began];
  trouble('');
  document.body.toggleAttribute('data-away', false);
  if (isNew) startAnew();
  if ($('search').value.trim() === '') isPart = answer.total > answer.streams.length;
  handleStreams(answer);
}

function handleAway(why) {
  isAway = true;
  document.body.toggleAttribute('data-away', true);
  trouble(why);
}

// Connections to a server that was away are of no use.
function startAnew() {
  for (const tile of tiles.values()) {
    tile.screen.stop();
    tile.playing.reset();
    tile.refreshed = -Infinity;
  }
  full.screen.stop();
  full.playing.reset();
}

// Machines, each with a line over its streams.
const groups = new Map();

// The line over the streams of a machine, of which `nodes` tells how many it has in all.
function group(info, nodes) {
  let heading = groups.get(info.node);
  if (!heading) {
    heading = $('group').content.firstElementChild.cloneNode(true);
    groups.set(info.node, heading);
  }
  const streams = nodes.find(({ name }) => name === info.node)?.streams ?? 0;
  write(heading.querySelector('span'), info.node);
  write(heading.querySelector('small'), `${isFar(info) ? '' : 'this machine · '}${count(streams, 'stream', 'streams')}`);
  return heading;
}

// The machines of a cluster to choose from.
function offerNodes(nodes) {
  const select = $('node');
  select.hidden = nodes.length < 2 && select.value === '';
  const names = nodes.map(({ name }) => name);
  // One that is chosen and is gone stays, and its streams may come back.
  if (select.value !== '' && !names.includes(select.value)) names.push(select.value);
  const all = ['', ...names];
  if ([...select.options].map(({ value }) => value).join('\n') === all.join('\n')) return;
  const chosen = select.value;
  select.replaceChildren(...all.map((name) => new Option(name === '' ? 'All machines' : name, name)));
  select.value = chosen;
}

// These in this order, and nothing else. What stands where it is to be stays there.
function place(list, elements) {
  const wanted = new Set(elements);
  for (const element of [...list.children]) if (!wanted.has(element)) element.remove();
  elements.forEach((element, at) => {
    if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
  });
}

function handleStreams({ streams, total, nodes, user, may_log_in: mayLogIn, may_log_out: mayLogOut }) {
  const names = new Set(streams.map((info) => info.name));
  for (const [name, tile] of tiles) {
    if (!names.has(name)) {
      tile.remove();
      tiles.delete(name);
    }
  }
  // In the order in which the server tells them.
  const before = new Map(tiles);
  tiles.clear();
  const isGrouped = nodes.length > 1;
  const elements = [];
  let last;
  for (const info of streams) {
    const tile = before.get(info.name) ?? new Tile(info);
    tile.update(info);
    tiles.set(info.name, tile);
    if (isGrouped && info.node !== last) elements.push(group(info, nodes));
    last = info.node;
    elements.push(tile.element);
  }
  place($('streams'), elements);
  $('streams').dataset.count = isGrouped ? 'many' : total;
  offerNodes(nodes);
  const machines = isGrouped ? ` · ${count(nodes.length, 'machine', 'machines')}` : '';
  write($('summary'), total > 0 ? `${count(total, 'stream', 'streams')}${$('node').value === '' ? machines : ''}` : '');
  $('more').hidden = total <= streams.length;
  $('log-in').hidden = !mayLogIn;
  $('log-out').hidden = !mayLogOut;
  write($('user'), mayLogOut ? user : '');
  $('search').hidden = streams.length < 9 && $('search').value === '' && nodes.length < 2;
  search();
  if (full.isOpen) {
    if (tiles.has(full.name)) full.update(tiles.get(full.name).info);
    else full.close();
  } else {
    followHash();
  }
  arrange();
}

function search() {
  const sought = $('search').value.trim().toLowerCase();
  let shown = 0;
  for (const [name, tile] of tiles) {
    tile.element.hidden = !name.toLowerCase().includes(sought);
    shown += tile.element.hidden ? 0 : 1;
  }
  for (const [node, heading] of groups) {
    heading.hidden = ![...tiles.values()].some((tile) => tile.info.node === node && !tile.element.hidden);
  }
  $('empty').hidden = shown > 0;
  const words =
    tiles.size > 0 || sought !== ''
      ? ['Nothing found', 'No stream has a name like that.']
      : ['No streams', 'There is nothing here that you may watch. Streams that are added to the server appear by themselves.'];
  [...$('empty').children].forEach((element, at) => write(element, words[at]));
}

// When nobody types for a moment.
function pollSoon() {
  clearTimeout(pollSoon.timer);
  pollSoon.timer = setTimeout(poll, 300);
}

async function pollForever() {
  for (;;) {
    if (!document.hidden) await poll();
    await Promise.race([sleep(tiles.size > 60 ? POLL_MANY : POLL), woken()]);
  }
}

// The page is looked at again.
const woken = () => new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));

// ---- Keys and clicks ----

function followHash() {
  let name;
  try {
    name = decodeURIComponent(location.hash.slice(1));
  } catch {
    return;
  }
  if (name === '') full.close();
  else full.open(name);
}

// The tile that is reached from this one by an arrow.
function neighbour(element, key) {
  const all = [...document.querySelectorAll('.tile:not([hidden])')];
  const at = all.indexOf(element);
  if (key === 'ArrowRight') return all[at + 1];
  if (key === 'ArrowLeft') return all[at - 1];
  // In the next row, the one that is nearest.
  const isBeyond = (tile) => (key === 'ArrowDown' ? tile.offsetTop > element.offsetTop : tile.offsetTop < element.offsetTop);
  const far = (tile) => [Math.abs(tile.offsetTop - element.offsetTop), Math.abs(tile.offsetLeft - element.offsetLeft)];
  const isNearer = ([down, along], [otherDown, otherAlong]) => down < otherDown || (down === otherDown && along < otherAlong);
  return all.filter(isBeyond).reduce((a, b) => (a && !isNearer(far(b), far(a)) ? a : b), undefined);
}

function handleKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches('input, textarea')) return;
  if (full.isOpen) {
    if (event.key === 'ArrowLeft') full.move(-1);
    else if (event.key === 'ArrowRight') full.move(1);
    else if (event.key === 'f') toggleScreenful();
    return;
  }
  const tile = document.activeElement?.closest('.tile');
  if (event.key === '/' && !$('search').hidden) {
    event.preventDefault();
    $('search').focus();
  } else if (tile && event.key.startsWith('Arrow')) {
    event.preventDefault();
    neighbour(tile, event.key)?.querySelector('a').focus();
  }
}

function toggleScreenful() {
  if (document.fullscreenElement) document.exitFullscreen();
  else $('screen').requestFullscreen?.().catch(() => {});
}

function drawTheme() {
  document.documentElement.dataset.theme = theme;
  write($('theme'), THEMES[theme]);
  $('theme').title = 'Light, dark, or as the system has it';
  $('theme').setAttribute('aria-label', `Colours: ${theme}`);
}

function nextTheme() {
  const names = Object.keys(THEMES);
  theme = names[(names.indexOf(theme) + 1) % names.length];
  try {
    localStorage.setItem('theme', theme);
  } catch {
    // It is kept as long as the page is there.
  }
  drawTheme();
}

document.addEventListener('DOMContentLoaded', () => {
  watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) entry.target.tile.isVisible = entry.isIntersecting;
      arrange();
    },
    { rootMargin: '40px' },
  );
  full.screen = new Screen($('screen'), () => full.draw());
  full.playing = new Playing(full.screen);
  drawTheme();
  $('theme').addEventListener('click', nextTheme);
  $('search').addEventListener('input', () => {
    search();
    if (isPart) pollSoon();
  });
  $('node').addEventListener('change', () => {
    [wantedCount, isPart] = [MOST_AT_ONCE, false];
    poll();
    scrollTo(0, 0);
  });
  $('more').addEventListener('click', () => {
    wantedCount += MOST_AT_ONCE;
    poll();
  });
  $('close').addEventListener('click', () => full.close());
  $('full').addEventListener('close', () => full.close());
  $('previous').addEventListener('click', () => full.move(-1));
  $('next').addEventListener('click', () => full.move(1));
  $('again').addEventListener('click', () => full.again());
  $('live').addEventListener('click', () => recordings.play(undefined));
  $('older').addEventListener('click', () => recordings.older());
  $('screenful').addEventListener('click', toggleScreenful);
  $('screen').addEventListener('dblclick', toggleScreenful);
  document.addEventListener('keydown', handleKey);
  document.addEventListener('visibilitychange', arrange);
  document.addEventListener('visibilitychange', () => full.draw());
  window.addEventListener('hashchange', followHash);
  window.addEventListener('online', startAnew);
  setInterval(() => {
    arrange();
    full.draw();
  }, 500);
  pollForever();
  refreshInTurn();
});
