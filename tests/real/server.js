// Node's own server as it comes: it closes a connection that was idle for five seconds.
const server = require("node:http").createServer((request, response) => {
  request.resume().on("end", () => response.end("written\n"));
});
server.listen(Number(process.argv[2]), "127.0.0.1");
