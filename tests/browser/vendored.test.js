// The workbench's modules are the files that npm installs here, whose packages the lock file knows by their hashes.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

const vendor = new URL('../../gateway/ui/vendor/', import.meta.url);

/** @param {URL} url */
const json = async (url) => JSON.parse(await readFile(url, 'utf8'));

test('each file is the one in its package', async () => {
  const { packages } = await json(new URL('vendored.json', vendor));
  for (const { name, files } of packages) {
    for (const { file, path } of files) {
      const theirs = await readFile(new URL(`node_modules/${name}/${path}`, import.meta.url));
      assert.ok(theirs.equals(await readFile(new URL(file, vendor))), `${file} is not ${name}/${path}`);
    }
  }
});

test('each package is the one that is asked for and locked', async () => {
  const { packages } = await json(new URL('vendored.json', vendor));
  const { devDependencies } = await json(new URL('package.json', import.meta.url));
  const { packages: locked } = await json(new URL('package-lock.json', import.meta.url));
  for (const { name, version, license, integrity } of packages) {
    const lock = locked[`node_modules/${name}`];
    const told = { version: lock.version, license: lock.license, integrity: lock.integrity };
    assert.deepEqual({ version, license, integrity }, told);
    assert.equal(devDependencies[name], version);
  }
});
