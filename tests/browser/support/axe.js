// Whether everybody can use a page, as far as a program can tell.
import axe from 'axe-core';

/**
 * The violations that are serious or critical, each with the elements it is about. The source is evaluated by the
 * debugger, which the page's policy does not concern.
 * @param {import('playwright-core').Page} page
 */
export async function serious(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => {
    const { axe } = /** @type {{axe: typeof import('axe-core')}} */ (/** @type {unknown} */ (window));
    return axe.run(document, { resultTypes: ['violations'] });
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, impact, help, nodes }) => {
      const about = nodes.map(({ target, failureSummary }) => `${target.join(' ')}: ${failureSummary}`);
      return { id, impact, help, about };
    });
}
