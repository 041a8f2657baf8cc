/** What each click causes: the events of its commands, and whatever they lead to. */

import { api, get, html, listen, Problem, short, signal } from 'retrace';
import { keep, products } from './reading.js';

/** @typedef {import('retrace').LogEvent} LogEvent */
/** @typedef {(headers: Headers) => void} Heard */
/** @typedef {{event: LogEvent, depth: number}} Step an event, and how far it is from the click */
/** @typedef {{id: number, title: string, isUnderWay: boolean, failed: Failed | null, steps: Step[]}} Click */
/** @typedef {'refused' | 'unknown'} Failed whether the shop said no, or nobody knows what it did */

/** How many clicks are told of, and how many events of others are kept in case they turn out to be of one. */
const [CLICKS, OTHERS] = [20, 1_000];

/** The newest first. */
export const clicks = signal(/** @type {Click[]} */ ([]));

const refused = signal(/** @type {{place: string, error: Error} | null} */ (null));

/** Which click a command or an event is of. @type {Map<string, {click: number, depth: number}>} */
const owners = new Map();

/** Events of commands that nobody here knows, or not yet: an event may be here before the answer is. @type {LogEvent[]} */
let others = [];
let last = 0;

/** @returns {() => void} ends it */
export function follow() {
  const ends = [listen(sort), keep()];
  return () => ends.forEach((end) => end());
}

/**
 * Does what a click is for, and has its events told. A refusal is told at `place`.
 *
 * @template T
 * @param {string} place
 * @param {string} title
 * @param {(heard: Heard) => Promise<T>} work hands on the headers of each answer
 * @returns {Promise<T | undefined>} nothing where it was refused, or nobody answered
 */
export async function act(place, title, work) {
  const id = (last += 1);
  tell({ id, title, isUnderWay: true, failed: null, steps: [] });
  refused.value = null;
  const heard = (/** @type {Headers} */ headers) => {
    const command = headers.get('retrace-command');
    if (command) owners.set(command, { click: id, depth: -1 });
    sort([]);
  };
  try {
    const result = await work(heard);
    change(id, (click) => ({ ...click, isUnderWay: false }));
    return result;
  } catch (error) {
    change(id, (click) => ({ ...click, isUnderWay: false, failed: failureOf(error) }));
    refused.value = { place, error: told(/** @type {Error} */ (error)) };
    return undefined;
  }
}

/**
 * Only a no is an answer: without one, or with a gateway in trouble, it may have happened all the same.
 *
 * @param {any} error
 * @returns {Failed}
 */
const failureOf = ({ status }) => (status >= 400 && status < 500 ? 'refused' : 'unknown');

/**
 * What the shop says, with the names of products in place of their ids.
 *
 * @param {Error} error
 */
function told(error) {
  for (const [id, product] of products.value) if (product) error.message = error.message.replaceAll(id, product.name);
  return error;
}

/**
 * Why the last click came to nothing, where it was made here.
 *
 * @param {{place: string}} props
 */
export const Refused = ({ place }) => (refused.value?.place === place ? html`<${Problem} error=${refused.value.error} />` : null);

/**
 * Tells what has become of an order so far, for who comes later.
 *
 * @param {string} order
 */
export async function recall(order) {
  if (clicks.value.some((click) => click.steps.some(({ event }) => event.key === order))) return;
  const { events } = await get(api('log'), { text: order, limit: 50 });
  if (events.length === 0) return;
  /** @type {Map<string, number>} */
  const depths = new Map();
  const steps = events.map((/** @type {LogEvent} */ event) => {
    const depth = (depths.get(event.cause ?? '') ?? -1) + 1;
    depths.set(event.event_id, depth);
    return { event, depth };
  });
  tell({ id: (last += 1), title: `Order ${short(order)} so far`, isUnderWay: false, failed: null, steps });
}

/** @param {Click} click */
function tell(click) {
  clicks.value = [click, ...clicks.value].slice(0, CLICKS);
  const oldest = last - CLICKS;
  for (const [id, owner] of owners) if (owner.click <= oldest) owners.delete(id);
}

/**
 * @param {number} id
 * @param {(click: Click) => Click} changed
 */
function change(id, changed) {
  clicks.value = clicks.value.map((click) => (click.id === id ? changed(click) : click));
}

/**
 * Finds out whose events these are. Log order puts causes first, so that once through is enough.
 *
 * @param {LogEvent[]} events
 */
function sort(events) {
  /** @type {Map<number, Step[]>} */
  const found = new Map();
  const rest = [...others, ...events].filter((event) => {
    const owner = owners.get(event.cause ?? '') ?? owners.get(event.command ?? '');
    if (!owner) return true;
    const depth = owner.depth + 1;
    owners.set(event.event_id, { click: owner.click, depth });
    found.set(owner.click, [...(found.get(owner.click) ?? []), { event, depth }]);
    return false;
  });
  others = rest.slice(-OTHERS);
  for (const [id, steps] of found) change(id, (click) => ({ ...click, steps: [...click.steps, ...steps] }));
}
