"""What the stack of containers needs beside its programs: secrets, certificates, the first login."""
