internal import CSystem

/// What the loader has loaded for this process.
package enum LoadedLibraries {
    /// Absolute paths by the names that programs ask for, the C library and the loader among them; sorted.
    package static var paths: [String] {
        var found: [String] = []
        withUnsafeMutablePointer(to: &found) { found in
            _ = muster_iterate_libraries(
                { library, _, context in
                    // The program itself has an empty name, what the kernel brings one without a path.
                    if let name = library!.pointee.name, name.pointee == 0x2F {
                        context!.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
                    }
                    return 0
                }, found)
        }
        return Set(found).sorted()
    }
}
