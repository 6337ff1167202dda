/** What the acts have in common: the alert, and telling what Holdfast does. */
import type { HoldfastClient } from '../client/index.js';
import type { CaseStatus } from '../domain/case.js';
import type { RunningHoldfast } from './holdfast.js';
import type { Narrator } from './narrator.js';
import { alertmanagerBody, JOB } from './scene.js';

/** Seconds with one decimal. */
export const round = (seconds: number): number => Math.round(seconds * 10) / 10;

export async function postAlert(holdfast: RunningHoldfast, at: Date): Promise<void> {
  const response = await fetch(`${holdfast.intake}/v1/alerts/alertmanager`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alertmanagerBody(at)),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`intake answered ${response.status}: ${await response.text()}`);
}

/** Tells what Holdfast sees, decides and does, until stopped. */
export function follow(client: HoldfastClient, { say }: Narrator): { stop(): void } {
  let going = true;
  const told = new Set<string>();
  const once = (text: string) => {
    if (told.has(text)) return;
    told.add(text);
    say('Holdfast', text);
  };
  const tell = (s: CaseStatus) => {
    if (s.situation !== null) once(`situation: ${s.situation.is}. ${s.situation.because}`);
    for (const f of s.failures)
      once(
        `attempt ${f.attempt} of ${s.attempts ?? 'unlimited'} failed in ${f.step}: ${f.fault.code}: ${f.fault.message}`,
      );
    if (s.waiting !== null && s.phase === 'waiting') {
      once(
        `keeps the pointer and waits for ${s.waiting.for}, at most ${Math.round((s.waiting.until - s.waiting.since) / 1000)} s`,
      );
    }
    const top = s.ladder[0];
    if (top?.verdict === 'sound') once(`${top.path} is sound: ${top.because}`);
    if (s.question !== null) once(`asks: ${s.question.text}`);
    for (const r of s.repairs) once(`repaired: ${r.from} is now ${r.to}`);
    if (s.restored !== null) once(`submitted run ${s.restored.run} from ${s.restored.point}`);
    if (s.phase === 'confirming') once('all tasks and a newer checkpoint are to prove it');
    if (s.phase === 'resumed' || s.phase === 'resumed with a gap') once(s.phase);
  };
  void (async () => {
    while (going) {
      await client.status(JOB).then(tell, () => undefined);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  })();
  return { stop: () => (going = false) };
}
