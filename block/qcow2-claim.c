/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: data that moves without the lock. A *claim* keeps some of the guest's clusters for one
 * request between two turns with the lock: nobody else changes their entries. A *transfer* reads or
 * overwrites clusters that are in use: none that was freed is given back before it ends.
 */
#include "block/qcow2.h"

void qcow2_claims_init(struct qcow2 *q)
{
    pthread_mutex_init(&q->claim_lock, NULL);
    pthread_cond_init(&q->released, NULL);
}

void qcow2_claims_free(struct qcow2 *q)
{
    pthread_mutex_destroy(&q->claim_lock);
    pthread_cond_destroy(&q->released);
}

/* --- claims ---------------------------------------------------------------------------------- */

uint64_t qcow2_unclaimed(struct qcow2 *q, uint64_t offset, uint64_t size)
{
    bool stopped;

    pthread_mutex_lock(&q->claim_lock);
    stopped = q->alone_waits;
    pthread_mutex_unlock(&q->claim_lock);
    if (stopped) {
        return 0;
    }
    for (struct qcow2_claim *c = q->claims; c; c = c->next) {
        if (c->from < offset + size && offset < c->to) {
            size = c->from > offset ? c->from - offset : 0;
        }
    }
    return size;
}

void qcow2_claim(struct qcow2 *q, struct qcow2_claim *claim, uint64_t offset, uint64_t size)
{
    claim->from = align_down(offset, q->cluster_size);
    claim->to = align_up(offset + size, q->cluster_size);
    claim->next = q->claims;
    q->claims = claim;
}

/* Those who wait for a claim look again. */
static void wake_all(struct qcow2 *q)
{
    pthread_mutex_lock(&q->claim_lock);
    q->releases++;
    pthread_cond_broadcast(&q->released);
    pthread_mutex_unlock(&q->claim_lock);
}

void qcow2_release(struct qcow2 *q, struct qcow2_claim *claim)
{
    struct qcow2_claim **at = &q->claims;

    while (*at != claim) {
        at = &(*at)->next;
    }
    *at = claim->next;
    wake_all(q);
}

void qcow2_unlock_and_wait(struct qcow2 *q)
{
    uint64_t before;

    /* Whoever releases holds the lock, which goes only now: no release is missed. */
    pthread_mutex_lock(&q->claim_lock);
    before = q->releases;
    pthread_rwlock_unlock(&q->rw);
    while (q->releases == before) {
        pthread_cond_wait(&q->released, &q->claim_lock);
    }
    pthread_mutex_unlock(&q->claim_lock);
}

static void count_waiter(struct qcow2 *q, int delta)
{
    pthread_mutex_lock(&q->claim_lock);
    q->alone_waits += delta;
    pthread_mutex_unlock(&q->claim_lock);
}

void qcow2_lock_alone(struct qcow2 *q)
{
    count_waiter(q, 1);
    pthread_rwlock_wrlock(&q->rw);
    while (q->claims) {
        qcow2_unlock_and_wait(q);
        pthread_rwlock_wrlock(&q->rw);
    }
    qcow2_wait_transfers(q);
    count_waiter(q, -1);
    wake_all(q);
}

/* --- transfers ------------------------------------------------------------------------------- */

void qcow2_transfer_begin(struct qcow2 *q)
{
    __atomic_add_fetch(&q->transfers, 1, __ATOMIC_ACQUIRE);
}

void qcow2_transfer_end(struct qcow2 *q)
{
    if (__atomic_sub_fetch(&q->transfers, 1, __ATOMIC_ACQ_REL) == 0) {
        pthread_mutex_lock(&q->claim_lock);
        pthread_cond_broadcast(&q->released);
        pthread_mutex_unlock(&q->claim_lock);
    }
}

void qcow2_wait_transfers(struct qcow2 *q)
{
    pthread_mutex_lock(&q->claim_lock);
    while (__atomic_load_n(&q->transfers, __ATOMIC_ACQUIRE)) {
        pthread_cond_wait(&q->released, &q->claim_lock);
    }
    pthread_mutex_unlock(&q->claim_lock);
}
