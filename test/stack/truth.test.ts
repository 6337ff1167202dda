import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compare,
  endLine,
  eventLine,
  lastWindows,
  SHAPE,
  truthOf,
  type StreamShape,
  type WindowLine,
} from '../../stack/truth.js';

const linesOf = (events: number, shape = SHAPE): WindowLine[] => [...truthOf(shape, events).values()];

describe('the truth of the numbered stream', () => {
  it('has exactly 50 events per key and full window in the default shape', () => {
    const lines = linesOf(1000);
    expect(lines).toHaveLength(20);
    expect(new Set(lines.map(({ count }) => count))).toEqual(new Set([50]));
    expect(lines.filter(({ key }) => key === 'k3').map(({ total }) => total)).toEqual([50, 100]);
  });

  it('knows the count of a window that is not full', () => {
    const lines = linesOf(503);
    expect(lines.filter(({ windowStart }) => windowStart === SHAPE.base + 5000)).toEqual(
      ['k0', 'k1', 'k2'].map((key) => ({ key, windowStart: SHAPE.base + 5000, count: 1, total: 51 })),
    );
  });

  it('agrees with counting the lines of the stream, in any shape', () => {
    const shapes = fc.record({
      keys: fc.integer({ min: 1, max: 7 }),
      stepMs: fc.integer({ min: 1, max: 90 }),
      windowMs: fc.constantFrom(100, 250, 1000),
      base: fc.constantFrom(0, 1000, 86_400_000),
    });
    fc.assert(
      fc.property(shapes, fc.integer({ min: 0, max: 300 }), (shape: StreamShape, events) => {
        const counted = new Map<string, number>();
        for (let n = 0; n < events; n++) {
          const [key, number, time] = eventLine(shape, n).split(',');
          expect(Number(number)).toBe(n);
          const window = `${key}@${Math.floor(Number(time) / shape.windowMs) * shape.windowMs}`;
          counted.set(window, (counted.get(window) ?? 0) + 1);
        }
        expect(new Map([...truthOf(shape, events)].map(([name, { count }]) => [name, count]))).toEqual(
          counted,
        );
      }),
    );
  });

  it('refuses a base that is not the start of a window', () => {
    expect(() => truthOf({ ...SHAPE, base: SHAPE.base + 1 }, 10)).toThrow('not the start of a window');
  });

  it('ends with an event after the end of every window', () => {
    const last = Math.max(...linesOf(1234).map(({ windowStart }) => windowStart + SHAPE.windowMs));
    const [key, , time] = endLine(SHAPE, 1234).split(',');
    expect(Number(time)).toBeGreaterThan(last);
    expect(linesOf(1234).some((line) => line.key === key)).toBe(false);
  });

  it('names the last window of each key', () => {
    expect(lastWindows(SHAPE, 503)).toHaveLength(10);
    expect(lastWindows(SHAPE, 503)).toContain(`k0@${SHAPE.base + 5000}`);
    expect(lastWindows(SHAPE, 503)).toContain(`k9@${SHAPE.base}`);
  });
});

describe('comparing the sink with the truth', () => {
  const right = linesOf(1000);
  const [first, second] = right as [WindowLine, WindowLine];
  const others = right.slice(1);

  it('finds nothing wrong in the truth itself', () => {
    expect(compare(SHAPE, 1000, right)).toMatchObject({
      expected: 20,
      counted: 20,
      missing: 0,
      wrongCounts: 0,
      wrongTotals: 0,
      repeated: 0,
      unexpected: 0,
      undercounted: 0,
      samples: [],
    });
  });

  it('counts a missing window and what it lacks', () => {
    expect(compare(SHAPE, 1000, others)).toMatchObject({ counted: 19, missing: 1, undercounted: 50 });
  });

  it('counts repeated lines without calling them wrong', () => {
    expect(compare(SHAPE, 1000, [...right, first, first])).toMatchObject({
      repeated: 2,
      wrongCounts: 0,
      lines: 22,
    });
  });

  it('calls a window wrong when any of its lines is, before or after the right one', () => {
    const wrong = { ...first, count: 44 };
    for (const lines of [
      [wrong, ...right],
      [...right, wrong],
    ])
      expect(compare(SHAPE, 1000, lines)).toMatchObject({ wrongCounts: 1, wrongTotals: 0, undercounted: 6 });
  });

  it('counts a wrong total by itself', () => {
    expect(compare(SHAPE, 1000, [...others, { ...first, total: 7 }])).toMatchObject({
      wrongCounts: 0,
      wrongTotals: 1,
    });
  });

  it('reports a window that nobody expected', () => {
    expect(compare(SHAPE, 1000, [...right, { ...second, windowStart: 0 }])).toMatchObject({ unexpected: 1 });
  });
});
