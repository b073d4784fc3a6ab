import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// Labelled stub: answers every inference at once and swallows every prediction record.
const answer = JSON.stringify({
  model_name: 'stub',
  outputs: [{ name: 'predict', shape: [1], datatype: 'FP64', data: [0.5] }],
});
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
