/** What can be done with generations. Each asks first, and says what became of it. */

import { api, del, post } from '../../core/api.js';
import { plural } from '../../core/format.js';
import { html } from '../../core/html.js';
import { agreed } from '../../parts/dialog.js';

/**
 * Does something after somebody has agreed to it, and has the view look again, whatever came of it.
 *
 * @param {import('../../parts/dialog.js').Question} question
 * @param {() => Promise<any>} act
 * @param {() => void} again
 * @param {string} [done] what to say then
 */
export async function act(question, act, again, done) {
  if ((await agreed(question, act, done)) !== 'left') again();
}

/**
 * @param {import('./types.js').Plan & {approval?: string}} plan
 * @param {import('./types.js').ModelState} served
 * @param {() => void} again
 */
export function rebuild(plan, served, again) {
  const parts = [
    plan.topics?.length ? `Only ${plan.topics.join(', ')} will be folded anew; the other rows are taken over.` : '',
    plan.from ? `It starts from the state as of ${plan.from}.` : '',
    plan.to ? `It stops at ${plan.to}.` : '',
  ].filter(Boolean);
  const body = html`
    <p>A new generation is folded from the log, beside generation ${served.generation}, which readers see until then.</p>
    ${parts.length > 0 && html`<p>${parts.join(' ')}</p>`}
    <p>${
      plan.approval === 'needed'
        ? 'All rows are compared with the served ones first. Where one differs the new generation is held back until you approve it.'
        : 'When it has caught up it takes the served one’s place. Nobody compares the rows.'
    }</p>
    <p>The generation that is replaced is kept, and can be rolled back to. The one that was kept until then is dropped.</p>
  `;
  return act({ title: 'Rebuild the read model?', body, action: 'Rebuild' }, () => post(api('rebuilds'), plan), again);
}

/** @param {() => void} again */
export function stop(again) {
  const body = html`<p>What has been committed so far is kept, and the same rebuild goes on from there. What is served stays served.</p>`;
  const question = { title: 'Stop the rebuild?', body, action: 'Stop it', dangerous: true };
  return act(question, () => del(api('rebuilds')), again, 'The rebuild is stopped.');
}

/**
 * @param {import('./types.js').ModelState} served
 * @param {import('./types.js').Beside} kept
 * @param {() => void} again
 */
export function rollBack(served, { state }, again) {
  const body = html`<p>Readers see generation ${state.generation} again, instead of generation ${served.generation}, once it has
    applied the ${plural(Math.max(0, served.checkpoint.number - state.checkpoint.number), 'event')} that it is behind.</p>
    <p>Generation ${served.generation} is kept, and can be gone back to the same way.</p>`;
  const question = { title: `Roll back to generation ${state.generation}?`, body, action: 'Roll back', dangerous: true };
  return act(question, () => post(api('rebuilds', 'rollback')), again);
}

/**
 * @param {import('./types.js').ModelState} served
 * @param {import('./types.js').Beside} held
 * @param {number | undefined} differing how many rows differ, where that is known
 * @param {() => void} again
 */
export function approve(served, { state }, differing, again) {
  const rows = differing === undefined ? 'Rows that differ' : plural(differing, 'row');
  const body = html`<p>${rows} will read otherwise than until now: generation ${state.generation} takes the place of generation
    ${' '}${served.generation}.</p>
    <p>Generation ${served.generation} is kept, and can be rolled back to.</p>`;
  const question = { title: `Serve generation ${state.generation}?`, body, action: 'Approve', dangerous: true };
  return act(question, () => post(api('rebuilds', 'approval')), again);
}

/**
 * Begins a rebuild of the same plan, which goes on with what is there.
 *
 * @param {import('./types.js').Beside} begun
 * @param {'needed' | 'not_needed'} approval
 * @param {() => void} again
 */
export function goOn({ state, plan }, approval, again) {
  const compares = approval === 'needed';
  const body = compares
    ? html`<p>Generation ${state.generation} is brought to where the served one stands, and all rows of both are compared.
        It stays held back where one differs, and is served where none does any more.</p>`
    : html`<p>The rebuild goes on from where it was broken off; its generation is served when it has caught up.</p>`;
  const question = compares
    ? { title: `Compare generation ${state.generation} again?`, body, action: 'Compare' }
    : { title: `Go on with generation ${state.generation}?`, body, action: 'Go on' };
  const same = typeof plan === 'string' ? {} : plan;
  return act(question, () => post(api('rebuilds'), { ...same, approval }), again);
}

/**
 * @param {import('./types.js').Beside} begun
 * @param {() => void} again
 */
export function discard({ state }, again) {
  const body = html`<p>Its rows are deleted. What is served stays as it is, and the log has everything to build it again.</p>`;
  const question = { title: `Discard generation ${state.generation}?`, body, action: 'Discard', dangerous: true };
  const drop = () => del(api('rebuilds', 'generations', String(state.generation)));
  return act(question, drop, again, `Generation ${state.generation} is discarded.`);
}
