internal import Glibc

/// Ends an flock that this process holds on an open file, and closes that. Closing alone is not enough: a program that is being
/// started at this moment has the file, and with it the lock, until it is executed.
package func unlockAndClose(_ file: Int32) {
    flock(file, LOCK_UN)
    close(file)
}
