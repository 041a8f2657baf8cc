/** Replay: whether today's sagas would decide the same again, and where they would not. */

import { api, del, get, post } from '../core/api.js';
import { useAnswer, usePolled } from '../core/asking.js';
import { html, useEffect, useState } from '../core/html.js';
import { route, setQuery } from '../core/route.js';
import { say } from '../parts/dialog.js';
import { Answer } from '../parts/problem.js';
import { Logs, useOpening } from './replay/histories.js';
import { Outcome, Running } from './replay/outcome.js';
import { scope, Start } from './replay/start.js';

/** How often it is asked how it goes, while something is under way and while nothing is, milliseconds. */
const [OFTEN, SELDOM] = [250, 5_000];

export default function Replay() {
  const [pace, setPace] = useState(SELDOM);
  const asked = usePolled((signal) => get(api('replays'), {}, { signal }), pace);
  const isRunning = Boolean(asked.answer?.current);
  useEffect(() => setPace(isRunning ? OFTEN : SELDOM), [isRunning]);
  const histories = useAnswer((signal) => get(api('histories'), {}, { signal }), []);
  const opening = useOpening(histories.again);
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  const opened = histories.answer ?? [];
  const start = async () => {
    try {
      await post(api('replays'), scope());
      setError(null);
      setQuery({ group: null, event: null });
    } catch (error) {
      setError(/** @type {Error} */ (error));
    }
    asked.again();
  };
  const stop = async () => {
    try {
      await del(api('replays'));
    } catch (error) {
      say(/** @type {Error} */ (error));
    }
    asked.again();
  };
  const over = (/** @type {DragEvent} */ event) => event.preventDefault();
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    opening.open(event.dataTransfer?.files[0]);
  };
  return html`<div class="view replay" onDragOver=${over} onDrop=${drop}>
    <header class="head">
      <h1>Replay</h1>
      <p class="hint">Makes the decisions of a log again, with today’s sagas, and compares. Nothing is appended, nothing is sent.</p>
    </header>
    <section class="panel asked-for" aria-label="What to verify">
      <${Logs} histories=${opened} chosen=${route.value.query.log} opening=${opening} again=${histories.again} />
      <${Start} error=${error} isRunning=${isRunning} onStart=${start} />
    </section>
    <div class="outcome">
      <${Answer} asked=${asked}>${(/** @type {import('./replay/types.js').Replays} */ { current, last }) => html`
        ${current && html`<${Running} running=${current} histories=${opened} onStop=${stop} />`}
        ${!current && last && !error && html`<${Outcome} last=${last} histories=${opened} />`}
        ${!current && !last && !error && html`<section class="panel"><p class="nothing">Nothing has been verified yet. Choose a log and verify it: the log that is
          served, or a history file that somebody has recorded.</p></section>`}
      `}</${Answer}>
    </div>
  </div>`;
}
