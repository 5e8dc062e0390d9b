const f=document.querySelector('form.approve'),e=document.querySelector('.problem');
f.addEventListener('submit',async v=>{if(v.submitter.name!=='approve')return;v.preventDefault();
const r=await fetch(f.dataset.rest,{method:'POST',headers:{'content-type':'application/json','x-wp-nonce':f.dataset.nonce},
body:JSON.stringify({name:f.app_name.value,app_id:f.app_id.value})});
const p=await r.json();if(!r.ok){e.textContent=p.message;return}
const u=f.success_url.value,q=`site_url=${encodeURIComponent(f.dataset.site)}&user_login=${encodeURIComponent(f.dataset.login)}`+
`&password=${encodeURIComponent(p.password)}`;
if(u)location=u+(u.includes('?')?'&':'?')+q;else e.textContent=p.password});
