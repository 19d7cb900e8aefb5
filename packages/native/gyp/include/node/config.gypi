# What node-gyp otherwise takes from the build of one Node.js: nothing is wanted of it.
{
  "target_defaults": {},
  "variables": {}
}
