// Package provider is a Pulumi provider for Docker that runs inside the process:
// the types Network, Volume, Container, RemoteImage and Image of package
// "docker" with the type tokens, property names and ids of Pulumi's own plugin
// (pulumi-docker v4), so the state of either can be taken over by the other.
//
// What it promises beyond that plugin:
//
//   - Creation is adopt-or-create. An object that a killed operation left behind
//     is taken over when it is what is asked for and made anew when it is not.
//     An object of somebody else that has the name is never touched.
//   - Refresh sees what was changed by hand (a container stopped, removed,
//     limited otherwise, taken off a network) and the next update mends it.
//   - A property that is not implemented is refused, never accepted and ignored.
//   - A preview writes nothing; Cancel ends what is in flight.
package provider
