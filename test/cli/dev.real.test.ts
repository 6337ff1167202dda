import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { run } from '../../cli/program.js';
import type { CaseFile } from '../../client/index.js';
import { commandLine, listening } from '../support/command-line.js';

/** The embedded default, whole: `holdfast dev` with its own Temporal, and the commands that talk to it. */

const folder = mkdtempSync(join(tmpdir(), 'holdfast-dev-'));
const file = join(folder, 'holdfast.yaml');
/** Nobody listens on port 1: Flink is away, so that every attempt fails. */
const configuration = (address: string, ui: string) => `
temporal: { address: '${address}', ui: '${ui}' }
storage: { disk: { kind: file, allow: [${folder}], scratch: ${folder}/probe } }
clusters:
  counts: { flink: { rest: ['http://127.0.0.1:1'] }, checkpoints: 'file:${folder}/checkpoints' }
jobs:
  window-counts:
    cluster: counts
    match: { name: window counts }
    launch: { jar: x.jar }
    policy: { attempts: 2, backoff: { initial: 100ms, max: 100ms } }
intake: { port: 0 }
`;

const holdfast = (...args: readonly string[]) => commandLine([...args, '--config', file]);

interface Ready {
  readonly temporal: { readonly address: string; readonly ui: string };
  readonly intake: string;
  readonly clusters: readonly string[];
}

const stop = new AbortController();
const { terminal, written } = listening({ signal: stop.signal });
let ended: Promise<ExitCode>;
let ready: Ready;

beforeAll(async () => {
  writeFileSync(file, configuration('127.0.0.1:7233', 'http://127.0.0.1:8233'));
  ended = run(['dev', '--config', file, '--port', '0', '--json'], terminal);
  const early = ended.then((code) => {
    throw new Error(`dev ended early with ${code}: ${written.join('\n')}`);
  });
  const up = vi.waitFor(() => JSON.parse(written[0] ?? '') as Ready, { timeout: 120_000, interval: 100 });
  ready = await Promise.race([up, early]);
  early.catch(() => undefined);
  writeFileSync(file, configuration(ready.temporal.address, ready.temporal.ui));
}, 130_000);

afterAll(async () => {
  stop.abort();
  await ended;
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const isListening = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = createConnection({ host: hostname, port: Number(port) });
    socket.once('connect', () => socket.end(() => resolve(true)));
    socket.once('error', () => resolve(false));
  });

test('says in one line where everything is', () => {
  expect(ready).toMatchObject({
    temporal: { address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string },
    intake: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
    clusters: ['counts'],
  });
});

test('serves the Temporal UI', async () => {
  expect((await fetch(ready.temporal.ui)).status).toBe(200);
});

describe('an alert', () => {
  test('opens a case that makes exactly two attempts and is aborted with everything kept', async () => {
    const answer = await fetch(`${ready.intake}/v1/alerts`, {
      method: 'POST',
      body: JSON.stringify({ job: 'window-counts', summary: 'it is down' }),
    });
    expect(answer.status).toBe(202);
    const status = await vi.waitFor(
      async () => {
        const { out } = await holdfast('status', 'window-counts', '--json');
        const seen = JSON.parse(out) as { phase: string; failures: unknown[]; link: string };
        expect(seen.phase).toBe('aborted');
        return seen;
      },
      { timeout: 60_000, interval: 250 },
    );
    expect(status.failures).toMatchObject([
      { fault: { code: 'FlinkUnavailable' } },
      { fault: { code: 'FlinkUnavailable' } },
    ]);
  });

  test('to an aborted case starts nothing, and a person is told what to do', async () => {
    const { code, out, err } = await holdfast('recover', 'window-counts', '--reason', 'again');
    expect(code).toBe(EXIT.no);
    expect(out).toContain('aborted');
    expect(err).toContain('holdfast resume window-counts');
    const waited = await holdfast('recover', 'window-counts', '--reason', 'again', '--wait', '--json');
    expect(waited.code).toBe(EXIT.no);
    expect(JSON.parse(waited.out)).toMatchObject({ status: { phase: 'aborted', failures: { length: 2 } } });
  });

  test('shows in the overview, in the list and on the page of its case', async () => {
    const overview = await holdfast('status');
    expect(overview.code).toBe(EXIT.done);
    expect(overview.out).toMatch(/window-counts\s+counts\s+aborted/);
    await vi.waitFor(
      async () => {
        const list = JSON.parse((await holdfast('cases', '--json')).out) as { cases: unknown[] };
        expect(list.cases).toMatchObject([
          { workflowId: 'recover/counts/window-counts', state: 'open', phase: 'aborted' },
        ]);
      },
      { timeout: 20_000 },
    );
    const page = await holdfast('case', 'recover/counts/window-counts');
    expect(page.out).toContain('FlinkUnavailable');
    expect(page.out).toContain(
      `${ready.temporal.ui}/namespaces/default/workflows/recover%2Fcounts%2Fwindow-counts/`,
    );
  });

  test('is written as one page, and as JSON, in which every decision is explained', async () => {
    const html = join(folder, 'case.html');
    const { code, err } = await holdfast('case', 'window-counts', '--html', html);
    expect(code).toBe(EXIT.done);
    expect(err).toContain(html);
    expect(readFileSync(html, 'utf8')).toMatch(
      /window-counts on counts[^]+Attempt 2 of 2[^]+FlinkUnavailable/,
    );
    const { file } = JSON.parse((await holdfast('case', 'window-counts', '--json')).out) as {
      readonly file: CaseFile;
    };
    expect(file.missing).toEqual([]);
    const decided = file.story.flatMap((e) => (e.is === 'pass' ? e.decisions : []));
    expect(decided.map((d) => `${d.do} ${d.taken}`)).toEqual([
      'assess yes',
      'fail yes',
      'assess yes',
      'fail yes',
    ]);
  });

  test('is refused a place where nothing can be written', async () => {
    const { code, err } = await holdfast('case', 'window-counts', '--html', join(folder, 'no', 'case.html'));
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('expected a file that can be written');
  });
});

test('what cannot be said now is refused with the reason: exit code 1', async () => {
  const { code, err } = await holdfast('release', 'window-counts', '--reason', 'x');
  expect(code).toBe(EXIT.no);
  expect(err).toBe('the case is not held');
});

test('an answer needs the question: exit code 64 when nothing is asked', async () => {
  const { code, err } = await holdfast('approve', 'window-counts', '--reason', 'x');
  expect(code).toBe(EXIT.usage);
  expect(err).toContain('asks nothing now');
});

test('doctor finds Temporal, workers and storage good, and says what mends the rest', async () => {
  const { code, out } = await holdfast('doctor', '--json');
  expect(code).toBe(EXIT.no);
  const { good, findings } = JSON.parse(out) as {
    good: boolean;
    findings: { about: string; good: boolean }[];
  };
  expect(good).toBe(false);
  const found = Object.fromEntries(findings.map((f) => [f.about, f]));
  for (const about of [
    'temporal',
    'search attributes',
    'worker of holdfast',
    'worker of holdfast-wait',
    'worker of holdfast-restore',
    'storage disk',
  ]) {
    expect(found[about]).toMatchObject({ good: true });
  }
  expect(found['flink counts']).toMatchObject({
    good: false,
    mend: expect.stringContaining('JobManager') as string,
  });
  expect(found['jar of window-counts']).toMatchObject({
    good: false,
    says: expect.stringContaining('x.jar') as string,
  });
});

test('a closed case is over: nothing can be said to it', async () => {
  expect((await holdfast('close', 'window-counts', '--reason', 'end of the test')).code).toBe(EXIT.done);
  await vi.waitFor(
    async () => expect((await holdfast('abort', 'window-counts', '--reason', 'x')).code).toBe(EXIT.noCase),
    { timeout: 20_000, interval: 100 },
  );
});

test('stops everything it started when it is asked to', async () => {
  stop.abort();
  expect(await ended).toBe(EXIT.done);
  expect(await isListening(ready.intake)).toBe(false);
  expect(await isListening(ready.temporal.ui)).toBe(false);
  expect(await isListening(`http://${ready.temporal.address}`)).toBe(false);
  const { code, err } = await holdfast('status');
  expect(code).toBe(EXIT.unavailable);
  expect(err).toContain('holdfast dev');
});
