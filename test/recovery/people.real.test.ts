/** What people do around an incident, on the real systems: look before it, hold during it, grant more after it. */
import { expect, test } from 'vitest';
import { JOB, TOPICS } from '../../demo/scene.js';
import type { LookReport } from '../../domain/look.js';
import { committedOffsets, until } from '../../stack/index.js';
import { incident } from '../support/incident.js';

const { scene, start, status, phaseIs, loseTheJob, bringTheNameNodeBack, countsAreRight } = incident();

test('a look of the healthy job touches nothing; a held case waits; spent attempts ask, and go on with more', async () => {
  const { client, sendAlert, run } = await start({
    attempts: 1,
    onExhausted: 'ask',
    backoff: { initial: '1s', factor: 1 },
  });
  const broker = scene().stack.endpoints.kafka ?? '';
  const runs = async () => (await scene().flink.jobs()).map((j) => `${j.jid} ${j.state}`).sort();
  const group = async () => [...(await committedOffsets(broker, 'window-counts', TOPICS.in))].sort();
  const before = await runs();

  const looked = await run('look', JOB, '--json');
  const report = JSON.parse(looked.out) as LookReport;
  expect(looked.code, looked.out).toBe(0);
  expect(report).toMatchObject({ sound: true, would: { is: 'restore' }, situation: { is: 'healthy' } });
  expect(report.would.is === 'restore' && report.would.point).toContain(scene().run);
  expect(report.offsets?.inRange).toBeGreaterThan(0);
  expect(await runs()).toEqual(before);
  expect(await client.cases()).toEqual([]);

  expect((await run('hold', JOB, '--for', '1h', '--reason', 'we deploy')).code).toBe(0);
  await loseTheJob();
  const blind = await run('look', JOB);
  expect(blind.code, blind.out).toBe(2);
  const [jobs, offsets] = [await runs(), await group()];
  await sendAlert(new Date());
  const held = await phaseIs('held');
  expect(held.hold).toMatchObject({ reason: 'we deploy', standing: true });
  expect(held.failures).toEqual([]);

  // Released while the NameNode is still away: the one attempt fails, and somebody is asked.
  expect((await run('release', JOB, '--reason', 'deployed')).code).toBe(0);
  const asked = await phaseIs('asking');
  expect(asked.question?.about).toBe('exhausted');
  expect(asked.failures).toHaveLength(1);
  expect([await runs(), await group()]).toEqual([jobs, offsets]);

  await bringTheNameNodeBack();
  const again = await run('ladder', JOB);
  expect(again.code, again.out).toBe(0);
  expect([await runs(), await group()]).toEqual([jobs, offsets]);
  const question = (await status()).question?.id ?? '';
  expect((await run('approve', JOB, '--question', question, '--reason', 'HDFS is back')).code).toBe(0);
  const resumed = await phaseIs('resumed');
  expect(resumed.failures).toHaveLength(1);
  expect(resumed.timeLeft.map((l) => l.of)).toContain('state');
  await until('the look sees the new run', async () => (await client.look(JOB)).would.is === 'restore', {
    within: 60_000,
  });
  await countsAreRight();
});
