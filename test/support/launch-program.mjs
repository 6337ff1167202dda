/*
 * A launch program as an operator would write it, for jobs that are launched by `command` and `lookup`:
 *
 *   node launch-program.mjs launch REST JAR RESTORE_PATH RUN_ID CLAIM_MODE EXIT_CODE ARGUMENT…
 *   node launch-program.mjs lookup REST RUN_ID
 *
 * `launch` submits and then ends with EXIT_CODE: another than 0 is a program that fails after the job was taken.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

const [what, rest, ...given] = process.argv.slice(2);

async function ask(path, init) {
  const response = await fetch(`${rest}${path}`, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

async function launch([jar, savepointPath, jobId, claimMode, code, ...programArgsList]) {
  const body = new FormData();
  body.append(
    'jarfile',
    new Blob([await readFile(jar)], { type: 'application/x-java-archive' }),
    basename(jar),
  );
  const { filename } = await ask('/jars/upload', { method: 'POST', body });
  await ask(`/jars/${basename(filename)}/run`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jobId, savepointPath, claimMode, programArgsList }),
  });
  if (code !== '0') process.stderr.write('lost the connection after the submission\n');
  process.exitCode = Number(code);
}

async function lookup([run]) {
  const { jobs } = await ask('/jobs/overview');
  const job = jobs.find(({ jid }) => jid === run);
  const over = ['FAILED', 'CANCELED', 'FINISHED'];
  process.stdout.write(`${job === undefined ? 'none' : over.includes(job.state) ? 'dead' : 'running'}\n`);
}

await (what === 'launch' ? launch(given) : lookup(given));
