/** How much happens: events of the last minute, second by second, from when the workbench was opened. */

import { signal } from '@preact/signals';
import { listen } from './feed.js';

/** How many seconds are remembered. */
const SECONDS = 60;

/** Events in each of the last seconds, the one that is going on last. */
export const pulse = signal(/** @type {number[]} */ (new Array(SECONDS).fill(0)));

let [current, counted] = [0, performance.now()];

listen((events) => {
  current += events.length;
});

setInterval(() => {
  const passed = Math.max(1, Math.round((performance.now() - counted) / 1_000));
  counted += passed * 1_000;
  // Where nobody looks, browsers wake a page only now and then.
  const each = new Array(Math.min(passed, SECONDS)).fill(current / passed);
  pulse.value = [...pulse.value, ...each].slice(-SECONDS);
  current = 0;
}, 1_000);

/** Over how many seconds a rate is told. */
const OVER = 5;

/** @param {number[]} seconds */
export const rateOf = (seconds) => seconds.slice(-OVER).reduce((sum, events) => sum + events, 0) / OVER;
