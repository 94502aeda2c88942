// Preloaded (node -r) into a gateway that has no option for its address and listens on every interface.
const { Server } = require("node:net");

const listen = Server.prototype.listen;

Server.prototype.listen = function onLoopback(...given) {
  const wanted = typeof given[0] === "object" && given[0] !== null ? given[0].port : given[0];
  if (!/^\d+$/.test(String(wanted))) return listen.apply(this, given);
  const callback = given.find((argument) => typeof argument === "function");
  return listen.call(this, { host: "127.0.0.1", port: Number(wanted) }, callback);
};
