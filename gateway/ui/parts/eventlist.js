/** Events, newest first: only those that can be seen are in the page. */

import { labelOf } from '../core/domain.js';
import { count, timeOf } from '../core/format.js';
import { html, useEffect, useLayoutEffect, useRef, useState } from '../core/html.js';
import { Chip, Id, verbOf, visible } from './data.js';

/** The height of a row, pixels; the style sheet says the same. */
const ROW = 32;

/** How many rows beyond those in sight are there, and how near an end the next page is asked for. */
const [AROUND, NEAR] = [8, 40];

/** How many characters of a label a line takes at most; where it ends is told by the style. */
const MOST = 200;

/** How far from the top still counts as there. */
const TOP = 4;

/**
 * @param {{listed: import('../core/window.js').LogWindow, chosen: any, onChoose: (event: any) => void}} props
 */
export function EventList({ listed, chosen, onChoose }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const events = listed.events.value;
  const size = events.length;
  useSteady(box, listed, events);

  useEffect(() => {
    const seen = new ResizeObserver(([entry]) => entry && setHeight(entry.contentRect.height));
    if (box.current) seen.observe(box.current);
    return () => seen.disconnect();
  }, []);

  const first = Math.max(0, Math.floor(top / ROW) - AROUND);
  const last = Math.min(size, Math.ceil((top + height) / ROW) + AROUND);
  useEffect(() => {
    if (last > size - NEAR) listed.older();
    if (first < NEAR && listed.hasNewer.value) listed.newer();
  }, [first, last, size]);

  const scrolled = () => {
    const now = box.current?.scrollTop ?? 0;
    setTop(now);
    if (now > TOP && listed.isFollowing.value) listed.pause();
    if (now <= TOP && !listed.isFollowing.value && !listed.hasNewer.value && listed.fresh.value === 0) listed.follow();
  };
  const index = chosen ? size - 1 - events.findIndex((event) => event === chosen) : -1;
  const at = index >= 0 && index < size ? index : -1;
  const move = (/** @type {KeyboardEvent} */ event) => {
    const page = Math.max(1, Math.floor(height / ROW) - 1);
    /** @type {Record<string, number>} */
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -size, End: size };
    const step = steps[event.key];
    if (step === undefined || size === 0) return;
    event.preventDefault();
    const next = Math.min(size - 1, Math.max(0, at < 0 ? 0 : at + step));
    onChoose(events[size - 1 - next]);
    bring(box.current, next * ROW);
  };
  const rows = [];
  for (let row = first; row < last; row += 1) {
    const event = /** @type {any} */ (events[size - 1 - row]);
    rows.push(html`<${Line} key=${event.event_id + event.position} event=${event} row=${row} size=${size}
      isChosen=${row === at} onChoose=${onChoose} />`);
  }
  return html`<div class="events" ref=${box} onScroll=${scrolled} onKeyDown=${move} tabindex="0" role="listbox"
    aria-label="Events, newest first" aria-activedescendant=${at >= 0 ? `event-${at}` : null}>
    <div class="all" style=${{ height: `${size * ROW}px` }}>${rows}</div>
    <p class="hint end">${listed.hasOlder.value ? looking(listed) : 'The log begins here.'}</p>
  </div>`;
}

/**
 * How far back the log has been looked through for what passes the filter.
 *
 * @param {import('../core/window.js').LogWindow} listed
 */
export function looking({ from }) {
  const time = from.value === null ? null : timeOf(from.value);
  return time ? `Looking further back: at ${time.day} ${time.time} …` : 'Older events are on their way …';
}

/**
 * Keeps what is looked at in its place when rows come or go above it; at the top, what comes pushes the others down.
 *
 * @param {import('preact').RefObject<HTMLElement | null>} box
 * @param {import('../core/window.js').LogWindow} listed
 * @param {import('../core/types.js').LogEvent[]} events
 */
function useSteady(box, listed, events) {
  const before = useRef(events);
  useLayoutEffect(() => {
    const [was, is] = [before.current.at(-1), events.at(-1)];
    const element = box.current;
    if (element && was && is && was !== is) {
      if (listed.isFollowing.value) {
        element.scrollTop = 0;
      } else {
        const came = events.length - 1 - events.lastIndexOf(was);
        const gone = before.current.length - 1 - before.current.lastIndexOf(is);
        if (came < events.length) element.scrollTop += came * ROW;
        else if (gone < before.current.length) element.scrollTop -= gone * ROW;
      }
    }
    before.current = events;
  }, [events]);
}

/**
 * @param {HTMLElement | null} box
 * @param {number} y
 */
function bring(box, y) {
  if (!box) return;
  if (y < box.scrollTop) box.scrollTop = y;
  else if (y + ROW > box.scrollTop + box.clientHeight) box.scrollTop = y + ROW - box.clientHeight;
}

/**
 * @param {{event: import('../core/types.js').LogEvent, row: number, size: number, isChosen: boolean,
 *   onChoose: (event: any) => void}} props
 */
function Line({ event, row, size, isChosen, onChoose }) {
  const time = timeOf(event.position);
  return html`<div
    class="line"
    role="option"
    id=${`event-${row}`}
    aria-selected=${isChosen}
    aria-posinset=${row + 1}
    aria-setsize=${size}
    style=${{ transform: `translateY(${row * ROW}px)` }}
    onClick=${() => onChoose(event)}
  >
    <span class="number" title="number in the log">${event.number === null ? '' : count(event.number)}</span>
    <time title=${time ? `${time.day}, position ${event.position}` : event.position}>${time?.time ?? event.position}</time>
    <span><${Chip} topic=${event.topic} /></span>
    <b>${verbOf(event)}</b>
    <span class="key">${event.key && event.key !== event.position && html`<${Id} value=${event.key} />`}</span>
    <bdi class="label">${visible(labelOf(event.topic, event.data).slice(0, MOST))}</bdi>
    <span class="by">${event.handler && `saga ${event.handler}`}</span>
  </div>`;
}
