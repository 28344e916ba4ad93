// Counts what comes, and sends as many octets as ?octets= asks for. A write to /held is worked on for ever.
const http = require('http');
http.createServer((request, response) => {
  const url = new URL(request.url, 'http://bulk.test');
  let received = 0;
  request.on('data', (part) => { received += part.length; });
  request.on('end', () => {
    if (url.pathname === '/held') return;
    let left = Number(url.searchParams.get('octets') || 0);
    if (left === 0) return response.end(String(received));
    response.setHeader('Content-Length', left);
    const part = Buffer.alloc(65536);
    (function send() {
      while (left > 0) {
        const count = Math.min(left, part.length);
        left -= count;
        if (!response.write(part.subarray(0, count))) return response.once('drain', send);
      }
      response.end();
    })();
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
