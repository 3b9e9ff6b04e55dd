#include "owner.h"

void of_owner_ref(of_owner *owner) { atomic_fetch_add(&owner->references, 1); }

void of_owner_unref(of_owner *owner) {
    if (atomic_fetch_sub(&owner->references, 1) == 1)
        owner->calls->end(owner);
}
