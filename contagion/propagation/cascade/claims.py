"""Greatest clearing vector inside compiled rounds."""
import numpy as np
from contagion.compiled import inner
@inner
def clear(indptr, creditor, amount, external_assets, external_liabilities, payments):
    n=indptr.shape[0]-1
    due=np.zeros(n)
    for i in range(n):
        t=external_liabilities[i]
        for c in range(indptr[i],indptr[i+1]): t+=amount[c]
        due[i]=t; payments[i]=t
    for r in range(100000):
        inc=external_assets.copy()
        for i in range(n):
            if due[i]>0:
                for c in range(indptr[i],indptr[i+1]): inc[creditor[c]]+=payments[i]*amount[c]/due[i]
        gap=0.0
        for i in range(n):
            new=min(due[i],inc[i]); gap=max(gap,abs(new-payments[i])/max(1.0,due[i])); payments[i]=new
        if gap<1e-14: return r
    return -1
