// node ort.mjs   times models in ONNX Runtime for main.go, on one thread.
// Each line of standard input is {"model", "rows", "columns", "milliseconds"};
// the answer is the median time of a run in microseconds. Models stay loaded.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'package.json'));
const ort = require('onnxruntime-node');
const sessions = new Map();

async function load(model) {
  if (!sessions.has(model)) {
    sessions.set(model, await ort.InferenceSession.create(model, {
      intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all', logSeverityLevel: 3,
    }));
  }
  return sessions.get(model);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { model, rows, columns, milliseconds } = JSON.parse(line);
  const session = await load(model);
  const data = Float32Array.from({ length: rows * columns }, () => Math.random() * 2 - 1);
  const feeds = { x: new ort.Tensor('float32', data, [rows, columns]) };
  for (let i = 0; i < 3; i++) await session.run(feeds);
  const times = [], end = performance.now() + milliseconds;
  while (times.length < 5 || performance.now() < end) {
    const start = process.hrtime.bigint();
    await session.run(feeds);
    times.push(Number(process.hrtime.bigint() - start) / 1e3);
  }
  times.sort((a, b) => a - b);
  console.log(times[times.length >> 1]);
}
