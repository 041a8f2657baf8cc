// Copies what the workbench is made of out of node_modules, and writes down where it is from.
//   npm ci && node vendor.js
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';

const PACKAGES = [
  { name: 'preact', folder: 'preact', modules: { preact: 'dist/preact.mjs', 'preact/hooks': 'hooks/dist/hooks.mjs' } },
  { name: 'htm', folder: 'htm', modules: { htm: 'dist/htm.module.js' } },
  { name: '@preact/signals', folder: 'signals', modules: { '@preact/signals': 'dist/signals.module.js' } },
  {
    name: '@preact/signals-core',
    folder: 'signals-core',
    modules: { '@preact/signals-core': 'dist/signals-core.module.js' },
  },
];

const here = new URL('.', import.meta.url);
const vendor = new URL('../../gateway/ui/vendor/', here);
const { packages: locked } = JSON.parse(await readFile(new URL('package-lock.json', here), 'utf8'));

await rm(vendor, { recursive: true, force: true });
const packages = [];
for (const { name, folder, modules } of PACKAGES) {
  const from = new URL(`node_modules/${name}/`, here);
  const { version, license } = JSON.parse(await readFile(new URL('package.json', from), 'utf8'));
  await mkdir(new URL(`${folder}/`, vendor), { recursive: true });
  const files = [];
  for (const [module, path] of [...Object.entries(modules), [null, 'LICENSE']]) {
    const bytes = await readFile(new URL(/** @type {string} */ (path), from));
    const file = `${folder}/${/** @type {string} */ (path).split('/').pop()}`;
    await writeFile(new URL(file, vendor), bytes);
    files.push({ file, ...(module && { module }), path, sha256: createHash('sha256').update(bytes).digest('hex') });
  }
  const source = `https://registry.npmjs.org/${name}/-/${name.split('/').pop()}-${version}.tgz`;
  const { integrity } = locked[`node_modules/${name}`];
  packages.push({ name, version, license, source, integrity, files });
}
await writeFile(new URL('vendored.json', vendor), `${JSON.stringify({ packages }, null, 2)}\n`);
