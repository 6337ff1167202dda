/** An exactly-once sink on the real systems: within its transaction timeout nothing is lost and nothing comes twice. */
import { describe, expect, test } from 'vitest';
import { JOB, TOPICS } from '../../demo/scene.js';
import { checkWindows, until } from '../../stack/index.js';
import { incident, type Incident } from '../support/incident.js';

async function sinkOf({ scene }: Incident) {
  const events = await scene().events.finish();
  return checkWindows({ broker: scene().stack.endpoints.kafka ?? '', topic: TOPICS.out, events });
}

describe('the outage is shorter than the transactions of the sink last', () => {
  const the = incident({ transactionTimeout: 600_000 });

  test('restored without a question; every window is there, right, and once', async () => {
    const holdfast = await the.start();
    await the.loseTheJob();
    await the.bringTheNameNodeBack();
    expect(await holdfast.sendAlert(new Date())).toBeLessThan(300);
    const resumed = await the.phaseIs('resumed');
    // The watch may have opened the case before the storage was back; nobody was asked.
    for (const { fault } of resumed.failures) expect(fault.code).toMatch(/^Storage/);
    expect(await sinkOf(the)).toMatchObject({
      complete: true,
      missing: 0,
      wrongCounts: 0,
      wrongTotals: 0,
      unexpected: 0,
      repeated: 0,
    });
  });
});

describe('the outage outlasts the transactions of the sink', () => {
  const the = incident({ transactionTimeout: 15_000 });

  test('asked with the range that may be lost at the sink; restored when a person accepts it', async () => {
    const holdfast = await the.start();
    await the.loseTheJob();
    const lost = Date.now();
    await until('the transactions have expired', () => Promise.resolve(Date.now() - lost > 15_000));
    await the.bringTheNameNodeBack();
    expect(await holdfast.sendAlert(new Date())).toBeLessThan(300);
    const asking = await the.phaseIs('asking');
    expect(asking).toMatchObject({
      question: { about: 'transactions' },
      because: { code: 'TransactionsExpired' },
      restored: null,
    });
    const id = asking.question?.id ?? '';
    expect(
      await holdfast.run('approve', JOB, '--question', id, '--reason', 'the sink is compared afterwards'),
    ).toMatchObject({ code: 0 });
    const resumed = await the.phaseIs('resumed');
    expect(resumed.restored?.proofs.join()).toContain('may be missing');
    // What is restored is right: only lines of the last pre-committed transaction may be missing, never wrong ones.
    const counts = await sinkOf(the);
    expect(counts).toMatchObject({
      complete: true,
      wrongCounts: 0,
      wrongTotals: 0,
      unexpected: 0,
      repeated: 0,
    });
  });
});
