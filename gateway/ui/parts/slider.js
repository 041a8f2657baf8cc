/** The time slider: where in the log the page is, and the ways to another moment. */

import { count, millisOf, timeOf } from '../core/format.js';
import { html, useState } from '../core/html.js';
import { END, momentOf, NOTHING } from '../core/steps.js';
import { Happened } from './happened.js';
import { Marks, Pins } from './pins.js';

/** @typedef {import('../core/moment.js').Moments} Moments */
/** @typedef {import('../core/types.js').Place} Place */

/** Events a second. */
const SPEEDS = [1, 10, 100];

/** @type {Record<string, string>} */
const ICONS = {
  first: 'M1.5 3h2v10h-2zM9 3v10L4.2 8zM14.5 3v10L9.7 8z',
  back: 'M3 3h2v10H3zM13 3v10L6 8z',
  play: 'M4 2.5v11L13 8z',
  pause: 'M4 3h3v10H4zM9 3h3v10H9z',
  forward: 'M3 3v10l7-5zM11 3h2v10h-2z',
};

/**
 * How the log is laid out along the slider: by number, or by time where events have none.
 *
 * @param {Moments} moments
 */
function scaleOf(moments) {
  const head = moments.head.value;
  if (head && head.number === null) {
    const [min, max] = [moments.begin.value - 1, millisOf(head.position)];
    const valueOf = (/** @type {Place} */ { position }) => Math.max(min, millisOf(position));
    const at = (/** @type {number} */ value) => new Date(value).toISOString();
    const said = (/** @type {number} */ value) => `${at(value).replace('T', ' ').replace('Z', '')} UTC`;
    return { min, max, valueOf, at, said };
  }
  const at = (/** @type {number} */ value) => `#${value}`;
  const said = (/** @type {number} */ value) => `event ${count(value)}`;
  return { min: 0, max: head?.number ?? 0, valueOf: (/** @type {Place} */ { number }) => number ?? 0, at, said };
}

/** @param {{moments: Moments}} props */
export function Slider({ moments }) {
  const shown = moments.shown.value;
  const scale = scaleOf(moments);
  const { min, max } = scale;
  const here = moments.target.value ?? (shown ? scale.valueOf(shown.state.at) : min);
  const jump = (/** @type {number} */ value, least = 0) => {
    const there = Math.max(min, Math.min(max, value));
    moments.target.value = there;
    moments.go(there >= max ? END : there <= min ? NOTHING : scale.at(there), least);
  };
  const page = (/** @type {number} */ way) => jump(here + way * Math.max(1, Math.round((max - min) / 100)), way);
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => moments.step(-1),
    ArrowDown: () => moments.step(-1),
    ArrowRight: () => moments.step(1),
    ArrowUp: () => moments.step(1),
    PageDown: () => page(-1),
    PageUp: () => page(1),
    Home: () => moments.go(NOTHING),
    End: () => moments.go(END),
    ' ': () => turn(moments),
  };
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const does = event.ctrlKey || event.altKey || event.metaKey ? undefined : keys[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  };
  const state = shown?.state;
  const said = `${scale.said(here)}${state && moments.target.value === null ? `, ${saidTime(state.at)}` : ''}`;
  return html`<section class="moment" aria-label="Moment">
    <div class="track">
      <div class="where">
        <${Controls} moments=${moments} />
        ${state && html`<${Where} state=${state} here=${here} isMoving=${moments.target.value !== null} scale=${scale} />`}
      </div>
      <div class="range">
        <input type="range" aria-label="Moment" aria-valuetext=${said} min=${min} max=${max} step="1" value=${here}
          onInput=${(/** @type {any} */ { target }) => jump(Number(target.value))} onKeyDown=${pressed} />
        <${Marks} scale=${scale} />
      </div>
      ${state && html`<${Happened} state=${state} at=${shown?.at} log=${shown?.log} />`}
    </div>
    <div class="tools"><${Speeds} moments=${moments} /><${GoTo} moments=${moments} /><${Pins} moments=${moments} /></div>
  </section>`;
}

/** @param {Place} place */
function saidTime({ position }) {
  const time = timeOf(position);
  return time ? `${time.day} ${time.time} UTC` : 'before the first event';
}

/** @param {Moments} moments */
function turn(moments) {
  if (moments.speed.value) moments.pause();
  else moments.play(moments.pace.value);
}

/** @param {{moments: Moments}} props */
function Controls({ moments }) {
  const isPlaying = moments.speed.value > 0;
  const isEnd = moments.shown.value?.at === END;
  const isLive = isEnd && !moments.scope.log;
  const button = (/** @type {string} */ name, /** @type {string} */ said, /** @type {() => void} */ does, isOff = false) =>
    html`<button aria-label=${said} title=${said} disabled=${isOff} onClick=${does}
      ><svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d=${ICONS[name]} fill="currentColor" /></svg></button>`;
  return html`<div class="controls" role="group" aria-label="Move">
    ${button('first', 'Before the first event (Home)', () => moments.go(NOTHING))}
    ${button('back', 'One event back (Left)', () => moments.step(-1))}
    ${button(isPlaying ? 'pause' : 'play', isPlaying ? 'Pause (Space)' : 'Play (Space)', () => turn(moments))}
    ${button('forward', 'One event forward (Right)', () => moments.step(1), isEnd)}
    <button aria-pressed=${isEnd} title="The end of the log (End)" onClick=${() => moments.go(END)}>${moments.scope.log ? 'End' : 'Live'}${isLive && html`<i></i>`}</button>
  </div>`;
}

/** @param {{state: import('../core/types.js').State, here: number, isMoving: boolean, scale: ReturnType<typeof scaleOf>}} props */
function Where({ state: { at, head }, here, isMoving, scale }) {
  const time = timeOf(at.position);
  const number = isMoving && head.number !== null ? here : at.number;
  return html`<p class="label">
    ${number !== null && html`<b>#${count(number)}</b> <span class="of">of ${count(Math.max(scale.max, number))}</span>`}
    ${head.number === null && isMoving
      ? html`<time>${scale.said(here)}</time>`
      : time
        ? html`<time title=${`position ${at.position}`}>${time.day} ${time.time}</time><span class="zone"> UTC</span> <code>${at.position}</code>`
        : html`<span>before the first event</span>`}
  </p>`;
}

/** @param {{moments: Moments}} props */
function Speeds({ moments }) {
  const set = (/** @type {number} */ speed) => {
    moments.pace.value = speed;
    if (moments.speed.value) moments.play(speed);
  };
  return html`<div class="speeds" role="group" aria-label="Speed, events a second">
    ${SPEEDS.map(
      (speed) =>
        html`<button aria-pressed=${moments.pace.value === speed} aria-label=${`${speed} events a second`} onClick=${() => set(speed)}>${speed}</button>`,
    )}
    <span>events/s</span>
  </div>`;
}

/** @param {{moments: Moments}} props */
function GoTo({ moments }) {
  const [typed, setTyped] = useState('');
  const goes = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!typed.trim()) return;
    moments.go(momentOf(typed));
    setTyped('');
  };
  return html`<form class="goto" onSubmit=${goes}>
    <input aria-label="Go to: event number, time or position" placeholder="Number, time or position" value=${typed}
      spellcheck=${false} autocomplete="off" onInput=${(/** @type {any} */ { target }) => setTyped(target.value)} />
    <button>Go</button>
  </form>`;
}
