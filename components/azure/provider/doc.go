// Package provider is an in-process Pulumi provider for the azure-native types
// that envctl uses. Tokens, property names, automatic names, IDs and state are
// those of the official plugin 2.90, so either provider reads the other's state;
// it is smaller, asks Azure only through [Client], adopts what an interrupted run
// left behind, and waits out the conflicts that Azure answers with.
//
// What a type accepts, sends and returns is data: one file for a module and an
// API version in tables/, with one word or more for each property:
//
//	TYPE [required] [in|out] [default=JSON] [min=N] [max=N] [key=NAME] [as=NAME]
//	     [mirrors=NAME] [secret] [stable] [volatile] [pattern=REGEXP]
//
// TYPE is string, bool, int, number, any, idset (the user-assigned identities: a
// list in Pulumi, an object in Azure), the name of a type in the same file,
// [TYPE] for a list or {TYPE} for a map. "in" is never returned, "out" never
// sent; neither: both. default is Azure's, and is not sent. min and max are
// characters. key names the member that tells a list's elements apart, as is
// Azure's name where Pulumi's differs; what mirrors another property is left out
// of an import where both are the same. secret marks inputs and outputs, stable
// outputs keep their value in updates, volatile ones are never taken into the
// inputs. "top" lists what is beside `properties` in Azure's JSON; without it
// the JSON has Pulumi's shape. The names are from Pulumi's published
// azure-native package 2.90.0, the shapes from Microsoft's specifications.
package provider
