/** What Flink's job result store tells of a run, or does not tell any more. On the real systems. */
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readJobResult } from '../../formats/job-result.js';
import { until } from '../../stack/index.js';
import { trials, type Trial } from '../support/trial.js';

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

describe.each(['1.20', '2.2'] as const)('Flink %s that keeps its job results', (version) => {
  const { stack, flink, trial } = trials({
    flink: version,
    flinkSettings: { options: { 'job-result-store.delete-on-commit': 'false' } },
  });
  const entryOf = (it: Trial, kind: '' | '_DIRTY' = ''): string =>
    join(new URL(stack().flink.places.jobResults).pathname, `${it.run}${kind}.json`);

  /** Ends the run behind the back of the watch, and has the next JobManager know nothing of it. */
  async function forgotten(it: Trial, end: () => Promise<void>): Promise<void> {
    await it.worker.stop();
    await end();
    await until('Flink has recorded the end and cleaned up', async () => exists(entryOf(it)));
    const jobManager = stack().server('jobmanager');
    await jobManager.kill();
    await jobManager.start();
    await until('the next JobManager has forgotten it', async () =>
      (await flink().jobs()).every(({ jid }) => jid !== it.run),
    );
    await it.alert();
    await it.worker.start();
  }

  test('a forgotten run that a person cancelled is not brought back', async () => {
    const it = await trial();
    await forgotten(it, async () => {
      await flink().cancel(it.run);
      await flink().reaches(it.run, 'CANCELED');
    });
    const end = await it.ended();
    expect(end).toMatchObject({ outcome: 'ended by a person', restored: null });
    expect(end.because).toContain(`Flink's job result shows ${it.run} as CANCELED`);
    expect(readJobResult(await readFile(entryOf(it)))).toEqual({ run: it.run, state: 'CANCELED' });
  });

  test('a forgotten run that failed is restored without a question and without a wait', async () => {
    const it = await trial();
    let newest = 'none';
    await forgotten(it, async () => {
      await it.lose();
      newest = (await it.flink.checkpoints(it.run)).newest?.path ?? 'none';
    });
    const resumed = await it.resumedFrom(newest, { runs: 1 });
    expect(resumed.failures).toEqual([]);
    const { story } = await it.client.caseFile('window-counts');
    expect(story.filter((e) => e.is === 'wait' && e.because.includes('NotProvedDead'))).toEqual([]);
  });

  if (version === '1.20')
    test('a recorded end that nobody can read is named and asked about; nothing is repaired', async () => {
      const it = await trial();
      const jobManager = stack().server('jobmanager');
      await jobManager.kill();
      const entry = entryOf(it, '_DIRTY');
      await writeFile(entry, '{"result":{"id":"');
      try {
        await jobManager.start({ wait: false });
        await until('the JobManager has stopped at it', async () => jobManager.state === 'stopped');
        await it.alert();
        const { question, repairs } = await it.phaseIs('asking');
        expect(question).toMatchObject({ about: 'dead end', approves: null });
        expect(question?.text).toMatch(/^UnreadableJobResult: .*Holdfast does not touch it/);
        expect(repairs).toEqual([]);
        expect(await readFile(entry, 'utf8')).toBe('{"result":{"id":"');
      } finally {
        await rm(entry);
        await jobManager.start();
      }
      expect(await it.ended()).toMatchObject({ outcome: 'healthy', restored: null });
      await it.countsAreRight();
    });
});
