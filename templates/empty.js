// Empty
//
// A script with nothing in it yet.
//
// @category Start
