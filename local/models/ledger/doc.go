// Package ledger keeps what the models of one experiment cost: one file for each
// experiment, which any number of processes share and any of them may be killed at.
//
// A call is paid in two steps. [Ledger.Reserve] sets its worst case aside before it
// is made, or refuses it; [Reservation.Settle] replaces that by what it really took.
// What is spent and set aside together never exceeds the budget, however many calls
// there are at once, unless a call took more than its worst case.
//
// The file is a log of lines, each a CRC-32 and a JSON value, that is only appended
// to under a lock of the kernel (flock(2)). A line that a killed writer left half is
// cut off by the next one. A long log is replaced by a short one with the same sums.
//
// Money is counted by calendar month in UTC: a call belongs to the month that it
// was reserved in, and each month begins at zero.
package ledger
